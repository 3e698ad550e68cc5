//! How well things are followed, against what an annotated log says is there.

use std::collections::BTreeMap;

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
    pub(super) frames: u64,
    /// Frames that could not be looked at.
    pub(super) lost: u64,
    /// Frames in which something was missing or wrong, by what it was.
    pub(super) impaired: BTreeMap<&'static str, u64>,
    /// How far off things may be that have to be followed.
    pub(super) range_m: f64,
    /// How many returns they have at least.
    pub(super) least_points: u32,
    /// How far from a thing its track may be.
    pub(super) near_m: f64,
    /// Whatever a thing is taken for.
    pub(super) all: Score,
    pub(super) classes: Vec<Score>,
}

/// How well things of some classes are followed.
#[derive(Debug, Serialize)]
pub(super) struct Score {
    pub(super) name: &'static str,
    /// How many things there are to be followed.
    pub(super) things: u64,
    /// In how many frames altogether.
    pub(super) boxes: u64,
    pub(super) hota: Option<f64>,
    pub(super) det_a: Option<f64>,
    pub(super) ass_a: Option<f64>,
    pub(super) mota: Option<f64>,
    /// Mean similarity of things and their tracks: 1 in the same place, 0
    /// `near_m` apart.
    pub(super) motp: Option<f64>,
    pub(super) idf1: Option<f64>,
    /// In how many frames things are followed,
    pub(super) hits: u64,
    /// and not, and something is that is not there.
    pub(super) misses: u64,
    pub(super) false_alarms: u64,
    pub(super) identity_switches: u64,
    pub(super) fragmentations: u64,
    /// Share of the tracks at their things that have their class.
    pub(super) right_class: Option<f64>,
    pub(super) errors: Errors,
    pub(super) forecasts: Vec<Forecast>,
    /// Of those of what moves at the time alone.
    pub(super) moving: Vec<Forecast>,
}

/// Errors of the boxes of tracks.
#[derive(Debug, Serialize)]
pub(super) struct Errors {
    pub(super) centre_m: Option<Spread>,
    pub(super) length_m: Option<Spread>,
    pub(super) width_m: Option<Spread>,
    pub(super) height_m: Option<Spread>,
    /// Whichever end is the front.
    pub(super) axis_rad: Option<Spread>,
    pub(super) heading_rad: Option<Spread>,
    pub(super) speed_m_s: Option<Spread>,
    pub(super) velocity_m_s: Option<Spread>,
}

/// How far things are from where they were said to be going to be.
#[derive(Debug, Serialize)]
pub(super) struct Forecast {
    pub(super) horizon_s: f64,
    /// Forecasts of things that are known to have been somewhere so long.
    pub(super) count: usize,
    /// Of the likeliest way.
    pub(super) ade_m: Option<f64>,
    pub(super) fde_m: Option<f64>,
    /// Share that is more than 2 m off at the horizon.
    pub(super) miss_rate: Option<f64>,
    /// Of the way that turned out best.
    pub(super) min_ade_m: Option<f64>,
    pub(super) min_fde_m: Option<f64>,
    pub(super) min_miss_rate: Option<f64>,
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
            moving,
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
            moving: moving.iter().map(Forecast::of).collect(),
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
