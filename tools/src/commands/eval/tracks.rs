//! How well things are followed, against what an annotated log says is there.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, bail};
use janus_datasets::{Annotations, Class, Frame, Log};
use janus_perception::eval::{
    BoxErrors, Displacement, ForecastErrors, HotaAt, Moments, Relevance, Similarity, Spread,
    TrackingScore, score_tracking,
};
use janus_perception::{CameraScene, Error, Lidar, Objects};
use janus_shaders::Context;
use serde::Serialize;

use crate::cli;
use crate::commands::counts;
use crate::config::Config;

/// A thing and a track farther apart than this are not the same, m.
const NEAR_M: f64 = 2.0;
/// What is nearer is, however little.
const LEAST_SIMILARITY: f64 = 1e-6;
/// So many of the likeliest ways ahead may turn out best, as nuScenes has it.
const HYPOTHESES: usize = 5;

const VEHICLES: [Class; 6] = [
    Class::Car,
    Class::Van,
    Class::Truck,
    Class::Bus,
    Class::Trailer,
    Class::Train,
];
const TWO_WHEELERS: [Class; 2] = [Class::Motorcycle, Class::Bicycle];
const PEDESTRIANS: [Class; 1] = [Class::Pedestrian];
/// What is no road user, and may be followed as one.
const NEIGHBOURS: [Class; 3] = [Class::Animal, Class::Obstacle, Class::Other];

/// Things being followed through a log that follows them itself.
pub(super) struct Following {
    lidar: Lidar,
    objects: Objects,
    moments: Moments,
    /// Of the vehicle, m.
    range: f64,
    least_points: u32,
    frames: u64,
    /// Frames that could not be looked at.
    pub(super) lost: u64,
    impaired: BTreeMap<&'static str, u64>,
}

impl Following {
    /// Nothing is followed yet; `classes` are the detector's.
    pub(super) fn new(
        annotated: &Annotations,
        config: Config,
        classes: &[String],
        args: &cli::Eval,
    ) -> Result<Self> {
        Ok(Self {
            lidar: Lidar::new(config.lidar, Context::open(&args.device)?)?,
            objects: Objects::new(config.objects, classes)?,
            moments: Moments::new(annotated.pictured),
            range: args.range,
            least_points: args.least_points,
            frames: 0,
            lost: 0,
            impaired: BTreeMap::new(),
        })
    }

    /// Follows things to the next frame.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn follow(&mut self, frame: &Frame, cameras: Option<&CameraScene>) -> Result<()> {
        let lidar = match self.lidar.step(frame) {
            Ok(lidar) => lidar,
            Err(error @ Error::Gpu(_)) => return Err(error.into()),
            Err(error) => {
                self.lose(frame, &error);
                return Ok(());
            }
        };
        let found = self.objects.step(frame, cameras, &lidar);
        for impairment in found.health.impairments() {
            *self.impaired.entry(impairment.reason()).or_default() += 1;
        }
        match self.moments.add(frame, &found.objects) {
            Ok(()) => self.frames += 1,
            Err(error) => self.lose(frame, &error),
        }
        Ok(())
    }

    fn lose(&mut self, frame: &Frame, error: &Error) {
        self.lost += 1;
        eprintln!("frame {}: {error}", frame.index);
    }

    /// What it comes to.
    ///
    /// # Errors
    /// If no frame could be looked at, or a name is there twice at a time.
    pub(super) fn scores(self, log: &Log) -> Result<Scores> {
        let path = log.path().display();
        if self.frames == 0 {
            bail!("{path}: things could be followed in no frame");
        }
        let moments = self.moments.finish();
        let score = |name, classes: &[Class]| {
            let relevance = Relevance {
                classes: classes.to_vec(),
                neighbours: NEIGHBOURS.to_vec(),
                range: self.range,
                least_points: self.least_points,
                similarity: Similarity::Nearness(NEAR_M),
                least: LEAST_SIMILARITY,
            };
            match score_tracking(&moments, &relevance, HYPOTHESES) {
                Ok(score) => Ok(Score::of(name, &score)),
                Err(error) => bail!("{path}: {error}"),
            }
        };
        let groups = [
            ("vehicles", &VEHICLES[..]),
            ("two-wheelers", &TWO_WHEELERS),
            ("pedestrians", &PEDESTRIANS),
        ];
        let classes = groups.map(|(name, classes)| score(name, classes));
        let mut classes: Vec<Score> = classes.into_iter().collect::<Result<_>>()?;
        classes.retain(|score| score.boxes + score.false_alarms > 0);
        let all = score("all", &groups.map(|(_, classes)| classes).concat())?;
        if all.boxes == 0 {
            bail!(
                "{path}: nothing that the log follows is a road user within {} m with {} lidar \
                 returns",
                self.range,
                self.least_points
            );
        }
        Ok(Scores {
            frames: self.frames,
            lost: self.lost,
            impaired: self.impaired,
            range_m: self.range,
            least_points: self.least_points,
            near_m: NEAR_M,
            all,
            classes,
        })
    }
}

/// How well things are followed.
#[derive(Debug, Serialize)]
pub(super) struct Scores {
    frames: u64,
    /// Frames that could not be looked at.
    lost: u64,
    /// Frames in which something was missing or wrong, by what it was.
    impaired: BTreeMap<&'static str, u64>,
    /// How far off things may be that have to be followed.
    range_m: f64,
    /// How many returns they have at least.
    least_points: u32,
    /// How far from a thing its track may be.
    near_m: f64,
    /// Whatever a thing is taken for.
    all: Score,
    classes: Vec<Score>,
}

/// How well things of some classes are followed.
#[derive(Debug, Serialize)]
struct Score {
    name: &'static str,
    /// How many things there are to be followed.
    things: u64,
    /// In how many frames altogether.
    boxes: u64,
    hota: Option<f64>,
    det_a: Option<f64>,
    ass_a: Option<f64>,
    mota: Option<f64>,
    /// Mean similarity of things and their tracks: 1 in the same place, 0
    /// `near_m` apart.
    motp: Option<f64>,
    idf1: Option<f64>,
    /// In how many frames things are followed,
    hits: u64,
    /// and not, and something is that is not there.
    misses: u64,
    false_alarms: u64,
    identity_switches: u64,
    fragmentations: u64,
    /// Share of the tracks at their things that have their class.
    right_class: Option<f64>,
    errors: Errors,
    forecasts: Vec<Forecast>,
}

/// Errors of the boxes of tracks.
#[derive(Debug, Serialize)]
struct Errors {
    centre_m: Option<Spread>,
    length_m: Option<Spread>,
    width_m: Option<Spread>,
    height_m: Option<Spread>,
    /// Whichever end is the front.
    axis_rad: Option<Spread>,
    heading_rad: Option<Spread>,
    speed_m_s: Option<Spread>,
    velocity_m_s: Option<Spread>,
}

/// How far things are from where they were said to be going to be.
#[derive(Debug, Serialize)]
struct Forecast {
    horizon_s: f64,
    /// Forecasts of things that are known to have been somewhere so long.
    count: usize,
    /// Of the likeliest way.
    ade_m: Option<f64>,
    fde_m: Option<f64>,
    /// Share that is more than 2 m off at the horizon.
    miss_rate: Option<f64>,
    /// Of the way that turned out best.
    min_ade_m: Option<f64>,
    min_fde_m: Option<f64>,
    min_miss_rate: Option<f64>,
}

impl Score {
    fn of(name: &'static str, score: &TrackingScore) -> Self {
        let TrackingScore {
            hota,
            clear,
            identity,
            boxes,
            right_class,
            forecasts,
        } = score;
        let wanted = clear.hits + clear.misses;
        let figure = |of: f64| (wanted > 0).then_some(of);
        let mean = |of: fn(&HotaAt) -> f64| figure(hota.mean(of));
        Self {
            name,
            things: clear.mostly_tracked + clear.partly_tracked + clear.mostly_lost,
            boxes: wanted,
            hota: mean(HotaAt::hota),
            det_a: mean(HotaAt::det_a),
            ass_a: mean(HotaAt::ass_a),
            mota: figure(clear.mota()),
            motp: (clear.hits > 0).then(|| clear.motp()),
            idf1: figure(identity.idf1()),
            hits: clear.hits,
            misses: clear.misses,
            false_alarms: clear.false_alarms,
            identity_switches: clear.switches,
            fragmentations: clear.fragmentations,
            right_class: *right_class,
            errors: Errors::of(boxes),
            forecasts: forecasts.iter().map(Forecast::of).collect(),
        }
    }
}

impl Errors {
    fn of(boxes: &BoxErrors) -> Self {
        Self {
            centre_m: boxes.centre,
            length_m: boxes.length,
            width_m: boxes.width,
            height_m: boxes.height,
            axis_rad: boxes.axis,
            heading_rad: boxes.yaw,
            speed_m_s: boxes.speed,
            velocity_m_s: boxes.velocity,
        }
    }
}

impl Forecast {
    fn of(errors: &ForecastErrors) -> Self {
        let figure = |of: f64| (errors.count > 0).then_some(of);
        let Displacement {
            ade,
            fde,
            miss_rate,
        } = errors.likeliest;
        Self {
            horizon_s: errors.horizon,
            count: errors.count,
            ade_m: figure(ade),
            fde_m: figure(fde),
            miss_rate: figure(miss_rate),
            min_ade_m: figure(errors.best.ade),
            min_fde_m: figure(errors.best.fde),
            min_miss_rate: figure(errors.best.miss_rate),
        }
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.accuracy(f)?;
        self.errors(f)?;
        self.forecasts(f)?;
        let impaired = counts(&self.impaired);
        writeln!(
            f,
            "frames    {}, {} lost; impaired: {impaired}; things within {} m with {} returns or \
             more, their tracks within {} m",
            self.frames, self.lost, self.range_m, self.least_points, self.near_m
        )
    }
}

/// Width of a column of three figures.
const WIDE: usize = 22;

impl Scores {
    fn columns(&self) -> impl Iterator<Item = &Score> {
        self.classes.iter().chain([&self.all])
    }

    fn accuracy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>10}{:>8}",
            "tracks",
            "things",
            "boxes",
            "HOTA",
            "DetA",
            "AssA",
            "MOTA",
            "MOTP",
            "IDF1",
            "switches",
            "class"
        )?;
        for score in self.columns() {
            write!(f, "{:<14}{:>8}{:>8}", score.name, score.things, score.boxes)?;
            for of in [
                score.hota,
                score.det_a,
                score.ass_a,
                score.mota,
                score.motp,
                score.idf1,
            ] {
                write!(f, "{:>8}", figure(of, 3))?;
            }
            writeln!(
                f,
                "{:>10}{:>8}",
                score.identity_switches,
                figure(score.right_class, 3)
            )?;
        }
        Ok(())
    }

    fn errors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        type Row = (&'static str, f64, fn(&Errors) -> Option<Spread>);
        let degrees = 1f64.to_degrees();
        let rows: [Row; 8] = [
            ("centre, m", 1.0, |of| of.centre_m),
            ("length, m", 1.0, |of| of.length_m),
            ("width, m", 1.0, |of| of.width_m),
            ("height, m", 1.0, |of| of.height_m),
            ("axis, °", degrees, |of| of.axis_rad),
            ("heading, °", degrees, |of| of.heading_rad),
            ("speed, m/s", 1.0, |of| of.speed_m_s),
            ("velocity, m/s", 1.0, |of| of.velocity_m_s),
        ];
        self.heading(f, "median/RMS/p95")?;
        for (name, scale, of) in rows {
            write!(f, "{name:<16}")?;
            for score in self.columns() {
                let spread = of(&score.errors);
                let cell = spread.map(|of| {
                    let [median, rms, p95] = [of.median, of.rms, of.p95].map(|of| of * scale);
                    format!("{median:.2} / {rms:.2} / {p95:.2}")
                });
                write!(f, "{:>WIDE$}", cell.unwrap_or("-".into()))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn forecasts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.heading(f, "ADE/FDE/missed")?;
        for (i, forecast) in self.all.forecasts.iter().enumerate() {
            write!(f, "{:<16}", format!("{} s, m", forecast.horizon_s))?;
            for score in self.columns() {
                let of = &score.forecasts[i];
                let [ade, fde] = [of.ade_m, of.fde_m].map(|of| figure(of, 2));
                let missed = figure(of.miss_rate, 2);
                write!(f, "{:>WIDE$}", format!("{ade} / {fde} / {missed}"))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn heading(&self, f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
        write!(f, "{what:<16}")?;
        for score in self.columns() {
            write!(f, "{:>WIDE$}", score.name)?;
        }
        writeln!(f)
    }
}

fn figure(of: Option<f64>, digits: usize) -> String {
    of.map_or("-".into(), |of| format!("{of:.digits$}"))
}
