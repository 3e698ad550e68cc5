//! `janus info LOG`

use anyhow::Result;
use janus_datasets::{Log, SensorKind};

use crate::Outcome;
use crate::cli::Info;

pub(crate) fn run(args: &Info) -> Result<Outcome> {
    let log = Log::open(&args.log)?;
    let info = log.info();
    if args.json {
        println!("{}", serde_json::to_string_pretty(info)?);
        return Ok(Outcome::Clean);
    }
    println!("log        {}", info.path);
    println!("format     {}", info.format);
    let numbers = match (info.first, info.last) {
        (Some(first), Some(last)) => format!(", numbered {first} to {last}"),
        _ => String::new(),
    };
    println!("frames     {}{numbers}", info.frames);
    let missing: Vec<_> = info
        .gaps
        .iter()
        .map(|gap| format!("{} to {}", gap.first, gap.last))
        .collect();
    if !missing.is_empty() {
        println!("missing    {}", missing.join(", "));
    }
    println!("duration   {:.3} s", info.duration_s);
    println!("distance   {:.1} m", info.distance_m);
    println!("poses      {}", info.pose_source.unwrap_or("none"));
    println!();
    println!(
        "{:<18}{:<8}{:>8}{:>10}{:>14}  source",
        "sensor", "kind", "records", "Hz", "pixels"
    );
    for sensor in &info.sensors {
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
        println!(
            "{:<18}{kind:<8}{:>8}{rate:>10}{pixels:>14}  {}",
            sensor.name, sensor.count, sensor.source
        );
    }
    Ok(Outcome::Clean)
}
