//! Results in forms that other tools read, numbered by the log's own frames.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use janus_datasets::{Log, Pose};
use janus_perception::{Cell, Cloud, FuturePose, Grid, Health, Object, Source};
use janus_planning::Plan;
use serde::Serialize;

use crate::coco::CocoFiles;
use crate::kitti::KittiTracks;
use crate::pipeline::Step;

/// A folder to which every frame's results are written.
pub(crate) struct Export {
    folder: PathBuf,
    /// What the detector saw, where there is one.
    seen: Option<CocoFiles>,
    /// What is followed, where there is a camera.
    tracks: Option<KittiTracks>,
    poses: BufWriter<File>,
}

impl Export {
    /// Makes the folder; `classes` are the detector's, where there is one.
    pub(crate) fn new(folder: &Path, log: &Log, classes: Option<&[String]>) -> Result<Self> {
        for part in ["grid", "cloud", "labels", "objects", "plan"] {
            let part = folder.join(part);
            fs::create_dir_all(&part)
                .with_context(|| format!("{}: cannot be made", part.display()))?;
        }
        let poses = folder.join("poses.tum");
        let tracks = KittiTracks::new(&folder.join("tracks"), log)?;
        if tracks.is_none() {
            eprintln!(
                "{}: it has no camera, in whose frame KITTI's form would tell tracks: none are \
                 written to {}",
                log.path().display(),
                folder.join("tracks").display()
            );
        }
        Ok(Self {
            folder: folder.into(),
            seen: classes.map(CocoFiles::new),
            tracks,
            poses: BufWriter::new(create(&poses)?),
        })
    }

    /// Writes one frame's results.
    pub(crate) fn frame(&mut self, step: &Step) -> Result<()> {
        let frame = &step.input.frame;
        let number = format!("{:06}", frame.index);
        let grid = self.folder.join("grid");
        let image = format!("{number}.pgm");
        write(&grid.join(&image), |out| write_pgm(&step.scene.grid, out))?;
        write(&grid.join(format!("{number}.yaml")), |out| {
            write_map(&step.scene.grid, &image, out)
        })?;
        let cloud = &step.scene.cloud;
        let labels = self.folder.join("labels").join(format!("{number}.bin"));
        write(&labels, |out| {
            cloud
                .labels
                .iter()
                .try_for_each(|label| out.write_all(&label.to_le_bytes()))
        })?;
        if let Some(pose) = &frame.pose {
            let voxels = self.folder.join("cloud").join(format!("{number}.pcd"));
            write(&voxels, |out| write_pcd(cloud, pose, out))?;
            write_tum(frame.stamp, pose, &mut self.poses)
                .with_context(|| format!("{}: poses.tum", self.folder.display()))?;
        }
        // Where nothing could be relied on, nobody knows what there was.
        if !matches!(step.scene.health, Health::Unfit(_)) {
            let objects = self.folder.join("objects").join(format!("{number}.json"));
            let followed: Vec<_> = step.scene.objects.iter().map(Followed::of).collect();
            write(&objects, |out| {
                Ok(serde_json::to_writer_pretty(out, &followed)?)
            })?;
        }
        if let Some(tracks) = &mut self.tracks {
            tracks.frame(frame, &step.scene.objects)?;
        }
        let plan = self.folder.join("plan").join(format!("{number}.csv"));
        if let Ok(found) = &step.plan {
            write(&plan, |out| Plan::write_csv(found, out))?;
        }
        if let Some(seen) = &mut self.seen {
            seen.add(step);
        }
        Ok(())
    }

    /// Writes what belongs to all frames together, and says how many
    /// detections were left out because COCO does not have their class.
    pub(crate) fn finish(mut self) -> Result<u64> {
        self.poses
            .flush()
            .with_context(|| format!("{}: poses.tum", self.folder.display()))?;
        self.tracks.map_or(Ok(()), KittiTracks::finish)?;
        let Some(seen) = &self.seen else {
            return Ok(0);
        };
        seen.write(&self.folder)?;
        Ok(seen.nameless())
    }
}

/// A thing that is followed, in odom: m, rad and m/s.
#[derive(Serialize)]
struct Followed {
    id: u64,
    class: &'static str,
    score: f64,
    /// What it is known from: `lidar`, `lidar_and_camera`, or `camera`, which
    /// knows its bearing well and its range badly.
    source: &'static str,
    x: f64,
    y: f64,
    z: f64,
    length: f64,
    width: f64,
    height: f64,
    yaw: f64,
    vx: f64,
    vy: f64,
    /// The likeliest way that it may go.
    predicted: Vec<Ahead>,
}

/// Where a thing may be in so many seconds.
#[derive(Serialize)]
struct Ahead {
    t: f64,
    x: f64,
    y: f64,
    yaw: f64,
}

impl Followed {
    fn of(object: &Object) -> Self {
        let [x, y, z] = object.centre;
        let [vx, vy] = object.velocity;
        let likeliest = object.predicted.first();
        let poses = likeliest.iter().flat_map(|way| &way.poses);
        let ahead = |pose: &FuturePose| Ahead {
            t: pose.seconds,
            x: pose.at[0],
            y: pose.at[1],
            yaw: pose.yaw,
        };
        Self {
            id: object.id,
            class: object.class.name(),
            score: object.score,
            source: match object.source {
                Source::Lidar => "lidar",
                Source::LidarAndCamera => "lidar_and_camera",
                Source::Camera => "camera",
            },
            x,
            y,
            z,
            length: object.length,
            width: object.width,
            height: object.height,
            yaw: object.yaw,
            vx,
            vy,
            predicted: poses.map(ahead).collect(),
        }
    }
}

/// Makes a file; an error names it.
pub(crate) fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("{}: cannot be written", path.display()))
}

/// Writes a file; an error names it.
pub(crate) fn write(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<()> {
    let mut file = BufWriter::new(create(path)?);
    content(&mut file)
        .and_then(|()| file.flush())
        .with_context(|| format!("{}: cannot be written", path.display()))
}

/// The voxels in base_link, as a point cloud of PCL's form (version 0.7):
/// centroid in metres, greatest intensity as a fraction of full scale, number
/// of points.
fn write_pcd(cloud: &Cloud, odom_from_base: &Pose, out: &mut impl Write) -> std::io::Result<()> {
    let count = cloud.voxels.len();
    write!(
        out,
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\n\
         FIELDS x y z intensity count\nSIZE 4 4 4 4 4\nTYPE F F F F U\nCOUNT 1 1 1 1 1\n\
         WIDTH {count}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {count}\nDATA binary\n"
    )?;
    for &[x, y, z, told] in &cloud.voxels {
        let place = [x, y, z].map(|mm| f64::from(mm) * 1e-3);
        let place = odom_from_base.inverse_transform_point(&place.into());
        let intensity = f32::from(told as u16) / 65_535.0;
        for value in [place.x as f32, place.y as f32, place.z as f32, intensity] {
            out.write_all(&value.to_le_bytes())?;
        }
        out.write_all(&(told as u32 >> 16).to_le_bytes())?;
    }
    Ok(())
}

/// The picture of a map_server map: the top row has the greatest y; black is
/// occupied, nearly white free, grey unknown.
fn write_pgm(grid: &Grid, out: &mut impl Write) -> std::io::Result<()> {
    let [width, height] = grid.size;
    write!(out, "P5\n{width} {height}\n255\n")?;
    out.write_all(&grid.picture(|cell| match cell {
        Cell::Occupied => 0,
        Cell::Free => 254,
        Cell::Unknown => 205,
    }))
}

/// The description of a map_server map, in odom.
fn write_map(grid: &Grid, image: &str, out: &mut impl Write) -> std::io::Result<()> {
    let [x, y] = grid.origin.map(|cells| f64::from(cells) * grid.cell_m());
    writeln!(out, "image: {image}")?;
    writeln!(out, "mode: trinary")?;
    writeln!(out, "resolution: {}", grid.cell_m())?;
    writeln!(out, "origin: [{x:.3}, {y:.3}, 0.0]")?;
    writeln!(out, "negate: 0")?;
    writeln!(out, "occupied_thresh: 0.65")?;
    writeln!(out, "free_thresh: 0.196")
}

/// A line of a TUM trajectory: seconds, position, quaternion x y z w.
fn write_tum(stamp: i64, pose: &Pose, out: &mut impl Write) -> std::io::Result<()> {
    let (s, ns) = (
        stamp.div_euclid(1_000_000_000),
        stamp.rem_euclid(1_000_000_000),
    );
    let (t, q) = (&pose.translation, &pose.rotation);
    writeln!(
        out,
        "{s}.{ns:09} {:.6} {:.6} {:.6} {:.9} {:.9} {:.9} {:.9}",
        t.x, t.y, t.z, q.i, q.j, q.k, q.w
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out).expect("memory takes all");
        out
    }

    #[test]
    fn a_map_has_its_greatest_y_on_top() {
        let grid = Grid {
            origin: [-10, 5],
            size: [3, 2],
            cell_mm: 200,
            log_odds: vec![850, -400, Grid::UNKNOWN, 0, 850, 850],
        };
        let pgm = text(|out| write_pgm(&grid, out));
        assert_eq!(pgm, b"P5\n3 2\n255\n\xcd\x00\x00\x00\xfe\xcd");
        let map = String::from_utf8(text(|out| write_map(&grid, "000020.pgm", out)));
        let map = map.expect("text");
        assert!(map.contains("origin: [-2.000, 1.000, 0.0]\n"), "{map}");
        assert!(map.contains("resolution: 0.2\n"), "{map}");
    }

    #[test]
    fn voxels_are_written_as_the_vehicle_sees_them() {
        let cloud = Cloud {
            voxels: vec![[10_000, 2_500, 100, 3 << 16 | 0xffff]],
            ..Cloud::default()
        };
        let pcd = text(|out| write_pcd(&cloud, &Pose::translation(8.0, 2.0, 0.0), out));
        let (header, data) = pcd.split_at(pcd.len() - 20);
        assert!(header.ends_with(b"POINTS 1\nDATA binary\n"));
        let words: Vec<[u8; 4]> = data.chunks(4).map(|w| w.try_into().expect("4")).collect();
        let numbers: Vec<f32> = words[..4].iter().map(|w| f32::from_le_bytes(*w)).collect();
        assert_eq!(numbers, [2.0, 0.5, 0.1, 1.0]);
        assert_eq!(words[4], [3, 0, 0, 0]);
    }

    #[test]
    fn a_trajectory_keeps_its_nanoseconds() {
        let line = text(|out| write_tum(1_317_042_651_000_000_007, &Pose::identity(), out));
        let line = String::from_utf8(line).expect("text");
        assert!(line.starts_with("1317042651.000000007 0.000000 "), "{line}");
        assert!(line.ends_with(" 1.000000000\n"), "{line}");
    }
}
