//! `janus info LOG`

use std::fmt;

use anyhow::Result;
use janus_datasets::{Info, SensorKind};

use crate::Outcome;
use crate::cli;

pub(crate) fn run(args: &cli::Info) -> Result<Outcome> {
    let log = args.source.open()?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(log.info())?);
    } else {
        print!("{}", Told(log.info()));
    }
    Ok(Outcome::Clean)
}

/// A log's summary for people.
struct Told<'a>(&'a Info);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(info) = self;
        writeln!(f, "log        {}", info.path)?;
        writeln!(f, "format     {}", info.format)?;
        let numbers = match (info.first, info.last) {
            (Some(first), Some(last)) => format!(", numbered {first} to {last}"),
            _ => String::new(),
        };
        writeln!(f, "frames     {}{numbers}", info.frames)?;
        let gaps = info.gaps.iter();
        list(
            f,
            "missing",
            gaps.map(|gap| format!("{} to {}", gap.first, gap.last)),
        )?;
        let jumps = info.jumps.iter();
        list(
            f,
            "jumps",
            jumps.map(|jump| format!("{:+.3} s before frame {}", jump.step_s, jump.frame)),
        )?;
        writeln!(f, "duration   {:.3} s", info.duration_s)?;
        writeln!(f, "distance   {:.1} m", info.distance_m)?;
        if let Some([low, high]) = info.extent_m {
            let [x, y, z] = [0, 1, 2].map(|k| format!("{:.1} to {:.1}", low[k], high[k]));
            writeln!(f, "extent     x {x}, y {y}, z {z} m")?;
        }
        writeln!(f, "poses      {}", info.pose_source.unwrap_or("none"))?;
        if let Some(annotations) = &info.annotations {
            let classes = annotations.classes.iter();
            let classes = classes.map(|(class, count)| format!("{count} {}", class.name()));
            let classes: Vec<_> = classes.collect();
            let tracks = match annotations.tracks {
                0 => String::new(),
                tracks => format!(" of {tracks} tracks"),
            };
            let (boxes, classes) = (annotations.boxes, classes.join(", "));
            writeln!(f, "boxes      {boxes}{tracks}: {classes}")?;
        }
        let lost = info.lost.iter();
        list(
            f,
            "lost",
            lost.map(|(loss, count)| format!("{count} {}", loss.reason())),
        )?;
        for note in &info.notes {
            writeln!(f, "note       {note}")?;
        }
        writeln!(f)?;
        self.sensors(f)?;
        self.topics(f)
    }
}

impl Told<'_> {
    fn sensors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<18}{:<8}{:>8}{:>10}{:>14}  source",
            "sensor", "kind", "records", "Hz", "pixels"
        )?;
        for sensor in &self.0.sensors {
            let kind = match sensor.kind {
                SensorKind::Lidar => "lidar",
                SensorKind::Camera => "camera",
                SensorKind::Ins => "ins",
            };
            let rate = sensor
                .rate_hz
                .map_or(String::new(), |hz| format!("{hz:.2}"));
            let pixels = sensor
                .resolution
                .map_or(String::new(), |[w, h]| format!("{w} × {h}"));
            writeln!(
                f,
                "{:<18}{kind:<8}{:>8}{rate:>10}{pixels:>14}  {}",
                sensor.name, sensor.count, sensor.source
            )?;
        }
        Ok(())
    }

    fn topics(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.topics.is_empty() {
            return Ok(());
        }
        let width = self.0.topics.iter().map(|topic| topic.name.len()).max();
        let width = width.unwrap_or_default().max(5) + 2;
        writeln!(f, "\n{:<width$}{:>8}  read  type", "topic", "messages")?;
        for topic in &self.0.topics {
            let read = if topic.read { "yes" } else { "no" };
            let (name, count, schema) = (&topic.name, topic.count, &topic.schema);
            writeln!(
                f,
                "{name:<width$}{count:>8}  {read:<4}  {schema} ({})",
                topic.encoding
            )?;
        }
        Ok(())
    }
}

/// A line of items, if there are any.
fn list(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    items: impl Iterator<Item = String>,
) -> fmt::Result {
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        return Ok(());
    }
    writeln!(f, "{name:<11}{}", items.join(", "))
}
