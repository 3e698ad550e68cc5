//! How well things are followed, as tables for people.

use std::fmt;

use janus_perception::eval::Spread;

use super::tracks::{Errors, Forecast, Score, Scores};
use crate::commands::counts;

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.accuracy(f)?;
        self.errors(f)?;
        self.forecasts(f, "ADE/FDE/missed", |score| &score.forecasts)?;
        self.forecasts(f, "of what moves", |score| &score.moving)?;
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
const WIDE: usize = 26;

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

    fn forecasts(
        &self,
        f: &mut fmt::Formatter<'_>,
        what: &str,
        those: impl Fn(&Score) -> &[Forecast],
    ) -> fmt::Result {
        self.heading(f, what)?;
        for (i, forecast) in those(&self.all).iter().enumerate() {
            write!(f, "{:<16}", format!("{} s, m", forecast.horizon_s))?;
            for score in self.columns() {
                let of = &those(score)[i];
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
