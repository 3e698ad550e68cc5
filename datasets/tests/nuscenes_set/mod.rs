//! Lays a keyframe out as a nuScenes set with its official tables: three
//! keyframes half a second apart, of which the one in the middle is given and
//! the others follow from its motion, with sweeps between them.
#![allow(dead_code)]

use std::f64::consts::FRAC_PI_2;
use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use nalgebra::{Isometry3, Matrix4, Rotation3, Translation3, UnitQuaternion, Vector3};
use serde_json::{Value, json};

pub(crate) type Pose = Isometry3<f64>;

/// Between two keyframes, µs.
pub(crate) const STEP: i64 = 500_000;
/// Revolutions and pictures from one keyframe to the next: 20 Hz and 12 Hz.
pub(crate) const SCANS: i64 = 10;
pub(crate) const PICTURES: i64 = 6;
/// Half of the turn of a box from the first keyframe to the last, rad.
pub(crate) const TURN: f64 = 0.2;

/// What was recorded in one keyframe.
pub(crate) struct Keyframe {
    pub(crate) token: String,
    pub(crate) lidar: Sensor,
    pub(crate) cameras: Vec<Sensor>,
    pub(crate) boxes: Vec<Cuboid>,
}

/// One sensor and its file.
pub(crate) struct Sensor {
    pub(crate) channel: String,
    /// µs.
    pub(crate) timestamp: i64,
    pub(crate) file: PathBuf,
    pub(crate) ego_from_sensor: Pose,
    /// At its time.
    pub(crate) global_from_ego: Pose,
    pub(crate) intrinsic: Option<[[f64; 3]; 3]>,
    pub(crate) resolution: [u32; 2],
}

/// One box, in the lidar's frame.
pub(crate) struct Cuboid {
    pub(crate) category: &'static str,
    pub(crate) lidar_from_box: Pose,
    /// Length, width and height, m.
    pub(crate) size: [f64; 3],
    pub(crate) velocity: Option<[f64; 2]>,
    pub(crate) points: u64,
}

/// The official categories of the classes of detection, in their order, and
/// one that is none of them.
const CATEGORIES: [&str; 11] = [
    "vehicle.car",
    "vehicle.truck",
    "vehicle.trailer",
    "vehicle.bus.rigid",
    "vehicle.construction",
    "vehicle.bicycle",
    "vehicle.motorcycle",
    "human.pedestrian.adult",
    "movable_object.trafficcone",
    "movable_object.barrier",
    "movable_object.pushable_pullable",
];

const LEVELS: [&str; 4] = ["v0-40", "v40-60", "v60-80", "v80-100"];

impl Keyframe {
    /// The recorded one, from the description that MMDetection3D has of it.
    pub(crate) fn recorded(folder: &Path) -> Self {
        let frame = &infos(folder)["data_list"][0];
        let points = &frame["lidar_points"];
        let ego_from_lidar = pose(&points["lidar2ego"]);
        let global_from_ego = pose(&frame["ego2global"]);
        let lidar = Sensor {
            channel: "LIDAR_TOP".into(),
            timestamp: microseconds(&frame["timestamp"]),
            file: folder.join(text(&points["lidar_path"])),
            ego_from_sensor: ego_from_lidar,
            global_from_ego,
            intrinsic: None,
            resolution: [0; 2],
        };
        let cameras = frame["images"].as_object().expect("an object").iter();
        let cameras = cameras.map(|(channel, image)| {
            let ego_from_sensor = pose(&image["cam2ego"]);
            // `lidar2cam` goes through the global frame, at both times.
            let camera_from_lidar = pose(&image["lidar2cam"]);
            let global_from_lidar = global_from_ego * ego_from_lidar;
            let global_from_camera = global_from_lidar * camera_from_lidar.inverse();
            Sensor {
                channel: channel.clone(),
                timestamp: microseconds(&image["timestamp"]),
                file: folder.join(text(&image["img_path"])),
                ego_from_sensor,
                global_from_ego: global_from_camera * ego_from_sensor.inverse(),
                intrinsic: serde_json::from_value(image["cam2img"].clone()).ok(),
                resolution: [1600, 900],
            }
        });
        let boxes = frame["instances"].as_array().expect("a list").iter();
        let boxes = boxes.map(|instance| {
            let label = instance["bbox_label_3d"].as_i64().expect("a class");
            let none = CATEGORIES.len() - 1;
            let [x, y, z, length, width, height, yaw] = numbers(&instance["bbox_3d"]);
            let velocity = instance["velocity"].as_array().expect("a list");
            Cuboid {
                category: CATEGORIES[usize::try_from(label).unwrap_or(none)],
                lidar_from_box: Pose::new(Vector3::new(x, y, z), Vector3::z() * yaw),
                size: [length, width, height],
                velocity: velocity[0]
                    .as_f64()
                    .zip(velocity[1].as_f64())
                    .map(|(x, y)| [x, y]),
                points: instance["num_lidar_pts"].as_u64().expect("a number"),
            }
        });
        Self {
            token: text(&frame["token"]).into(),
            lidar,
            cameras: cameras.collect(),
            boxes: boxes.collect(),
        }
    }

    /// One with a small scan and a small picture, made in `folder`.
    pub(crate) fn made(folder: &Path) -> Self {
        let values = [1.0f32, 2.5, -1.5, 51.0, 3.0, f32::NAN, 0.0, 0.0, 255.0, 4.0];
        let scan = folder.join("scan.pcd.bin");
        fs::write(&scan, values.map(f32::to_le_bytes).concat()).expect("written");
        let picture = folder.join("picture.jpg");
        let pixels = RgbImage::from_fn(32, 16, |x, y| Rgb([x as u8 * 7, y as u8 * 9, 80]));
        pixels.save(&picture).expect("encodes");
        let timestamp = 1_600_000_000_000_000;
        let at =
            |stamp: i64| Pose::translation(600.0 + (stamp - timestamp) as f64 * 1e-5, 1600.0, 0.0);
        let looks = UnitQuaternion::from_euler_angles(-FRAC_PI_2, 0.0, -FRAC_PI_2);
        let sensor = |channel: &str, timestamp: i64, file: PathBuf, ego_from_sensor| Sensor {
            channel: channel.into(),
            timestamp,
            file,
            ego_from_sensor,
            global_from_ego: at(timestamp),
            intrinsic: None,
            resolution: [0; 2],
        };
        let turned = Pose::new(Vector3::new(0.94, 0.0, 1.84), Vector3::z() * -FRAC_PI_2);
        let ahead = Pose::from_parts(Translation3::new(1.7, 0.0, 1.5), looks);
        let camera = Sensor {
            intrinsic: Some([[40.0, 0.0, 16.0], [0.0, 40.0, 8.0], [0.0, 0.0, 1.0]]),
            resolution: [32, 16],
            ..sensor("CAM_FRONT", timestamp - 30_000, picture, ahead)
        };
        let cuboid = |category, x, velocity, points| Cuboid {
            category,
            lidar_from_box: Pose::new(Vector3::new(x, 8.0, -1.0), Vector3::z() * 0.4),
            size: [4.0, 2.0, 1.5],
            velocity,
            points,
        };
        Self {
            token: "5a".repeat(16),
            lidar: sensor("LIDAR_TOP", timestamp, scan, turned),
            cameras: vec![camera],
            boxes: vec![
                cuboid("vehicle.car", 2.0, Some([1.0, -2.0]), 17),
                cuboid("human.pedestrian.adult", -3.0, None, 5),
            ],
        }
    }

    /// Where the ego vehicle is, µs after this keyframe, if it goes on as it
    /// went from its first record to the lidar's.
    fn ego_after(&self, micros: i64) -> Pose {
        let here = &self.lidar;
        let first = self
            .cameras
            .iter()
            .min_by_key(|camera| camera.timestamp)
            .expect("a camera");
        let parts = micros as f64 / (here.timestamp - first.timestamp) as f64;
        let step =
            here.global_from_ego.translation.vector - first.global_from_ego.translation.vector;
        let turn = first.global_from_ego.rotation.inverse() * here.global_from_ego.rotation;
        Pose::from_parts(
            (here.global_from_ego.translation.vector + step * parts).into(),
            here.global_from_ego.rotation * turn.powf(parts),
        )
    }

    /// Writes a set of one scene, `scene-0061`, into `root`.
    pub(crate) fn lay_out(&self, root: &Path) {
        let samples = [-1, 0, 1].map(|step| match step {
            0 => self.token.clone(),
            _ => token("sample", step + 1),
        });
        let mut tables = Tables::default();
        for (at, step) in [-1, 0, 1].into_iter().enumerate() {
            tables.add(
                "sample",
                json!({
                    "token": samples[at],
                    "timestamp": self.lidar.timestamp + step * STEP,
                    "scene_token": token("scene", 0),
                    "prev": at.checked_sub(1).map_or("", |before| &samples[before]),
                    "next": samples.get(at + 1).map_or("", String::as_str),
                }),
            );
        }
        let sensors = [&self.lidar].into_iter().chain(&self.cameras);
        for (number, sensor) in (0..).zip(sensors) {
            self.add_sensor(&mut tables, root, number, sensor, &samples);
        }
        for (number, cuboid) in (0..).zip(&self.boxes) {
            self.add_box(&mut tables, number, cuboid, &samples);
        }
        tables.add(
            "scene",
            json!({
                "token": token("scene", 0), "log_token": token("log", 0), "name": "scene-0061",
                "description": "laid out from one keyframe", "nbr_samples": 3,
                "first_sample_token": samples[0], "last_sample_token": samples[2],
            }),
        );
        tables.add(
            "log",
            json!({
                "token": token("log", 0), "logfile": "n015", "vehicle": "n015",
                "date_captured": "2018-07-24", "location": "singapore-onenorth",
            }),
        );
        tables.add(
            "map",
            json!({
                "token": token("map", 0), "log_tokens": [token("log", 0)],
                "category": "semantic_prior", "filename": "maps/none.png",
            }),
        );
        fs::create_dir_all(root.join("maps")).expect("made");
        RgbImage::new(1, 1)
            .save(root.join("maps/none.png"))
            .expect("encodes");
        for (number, level) in (1..).zip(LEVELS) {
            let visibility =
                json!({"token": number.to_string(), "level": level, "description": ""});
            tables.add("visibility", visibility);
        }
        for (number, name) in (0..).zip(CATEGORIES) {
            let category =
                json!({"token": token("category", number), "name": name, "description": ""});
            tables.add("category", category);
        }
        tables.write(&root.join("v1.0-mini"));
    }

    fn add_sensor(
        &self,
        tables: &mut Tables,
        root: &Path,
        number: i64,
        sensor: &Sensor,
        samples: &[String; 3],
    ) {
        let channel = &sensor.channel;
        let (modality, count) = match sensor.intrinsic {
            None => ("lidar", SCANS),
            Some(_) => ("camera", PICTURES),
        };
        tables.add(
            "sensor",
            json!({
                "token": token("sensor", number), "channel": channel, "modality": modality,
            }),
        );
        tables.add(
            "calibrated_sensor",
            json!({
                "token": token("calibrated", number), "sensor_token": token("sensor", number),
                "translation": translation(&sensor.ego_from_sensor),
                "rotation": rotation(&sensor.ego_from_sensor),
                "camera_intrinsic": sensor.intrinsic.map_or(json!([]), |matrix| json!(matrix)),
            }),
        );
        let name = sensor
            .file
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let extension = name.split_once('.').expect("has one").1;
        let mut stored = None;
        for at in -count..=count {
            let timestamp = sensor.timestamp + at * STEP / count;
            let folder = if at % count == 0 { "samples" } else { "sweeps" };
            let filename =
                format!("{folder}/{channel}/laid_out__{channel}__{timestamp}.{extension}");
            let path = root.join(&filename);
            fs::create_dir_all(path.parent().expect("has one")).expect("made");
            match &stored {
                Some(stored) => fs::hard_link(stored, &path).expect("linked"),
                None => {
                    let bytes = fs::read(&sensor.file).expect("is there");
                    fs::write(&path, bytes).expect("written");
                    stored = Some(path);
                }
            }
            let global_from_ego = match at {
                0 => sensor.global_from_ego,
                _ => self.ego_after(timestamp - self.lidar.timestamp),
            };
            let record = |kind| token(kind, number * 100 + at + count);
            tables.add(
                "ego_pose",
                json!({
                    "token": record("pose"), "timestamp": timestamp,
                    "translation": translation(&global_from_ego),
                    "rotation": rotation(&global_from_ego),
                }),
            );
            // The keyframe that this belongs to, or the next.
            let sample = (at + 2 * count - 1).div_euclid(count);
            let neighbour = |at: i64| match (-count..=count).contains(&at) {
                true => token("data", number * 100 + at + count),
                false => String::new(),
            };
            tables.add("sample_data", json!({
                "token": record("data"), "sample_token": samples[sample as usize],
                "ego_pose_token": record("pose"),
                "calibrated_sensor_token": token("calibrated", number),
                "timestamp": timestamp, "fileformat": if modality == "lidar" { "pcd" } else { "jpg" },
                "is_key_frame": at % count == 0, "filename": filename,
                "width": sensor.resolution[0], "height": sensor.resolution[1],
                "prev": neighbour(at - 1), "next": neighbour(at + 1),
            }));
        }
    }

    fn add_box(&self, tables: &mut Tables, number: i64, cuboid: &Cuboid, samples: &[String; 3]) {
        let category = CATEGORIES.iter().position(|name| *name == cuboid.category);
        let name = |step: i64| token("annotation", number * 10 + step + 1);
        let steps = if cuboid.velocity.is_some() {
            -1..=1
        } else {
            0..=0
        };
        tables.add(
            "instance",
            json!({
                "token": token("instance", number),
                "category_token": token("category", category.expect("is one") as i64),
                "nbr_annotations": steps.clone().count(),
                "first_annotation_token": name(*steps.start()),
                "last_annotation_token": name(*steps.end()),
            }),
        );
        let global_from_lidar = self.lidar.global_from_ego * self.lidar.ego_from_sensor;
        let [vx, vy] = cuboid.velocity.unwrap_or_default();
        let velocity = global_from_lidar * Vector3::new(vx, vy, 0.0);
        let here = global_from_lidar * cuboid.lidar_from_box;
        for step in steps.clone() {
            let seconds = (step * STEP) as f64 * 1e-6;
            let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), TURN * step as f64);
            let place = Pose::from_parts(
                (here.translation.vector + velocity * seconds).into(),
                turn * here.rotation,
            );
            let neighbour = |step| {
                if steps.contains(&step) {
                    name(step)
                } else {
                    String::new()
                }
            };
            let [length, width, height] = cuboid.size;
            tables.add(
                "sample_annotation",
                json!({
                    "token": name(step), "sample_token": samples[(step + 1) as usize],
                    "instance_token": token("instance", number), "attribute_tokens": [],
                    "visibility_token": (number % 4 + 1).to_string(),
                    "translation": translation(&place), "rotation": rotation(&place),
                    "size": [width, length, height],
                    "num_lidar_pts": cuboid.points, "num_radar_pts": 0,
                    "prev": neighbour(step - 1), "next": neighbour(step + 1),
                }),
            );
        }
    }
}

/// Tables as they are written.
#[derive(Default)]
struct Tables(Vec<(&'static str, Vec<Value>)>);

impl Tables {
    fn add(&mut self, table: &'static str, record: Value) {
        match self.0.iter_mut().find(|(name, _)| *name == table) {
            Some((_, records)) => records.push(record),
            None => self.0.push((table, vec![record])),
        }
    }

    fn write(mut self, folder: &Path) {
        self.0.push(("attribute", Vec::new()));
        fs::create_dir_all(folder).expect("made");
        for (table, records) in self.0 {
            let text = serde_json::to_string_pretty(&records).expect("is JSON");
            fs::write(folder.join(format!("{table}.json")), text).expect("written");
        }
    }
}

/// A token of 32 digits, of which the first eight tell the table.
fn token(table: &str, number: i64) -> String {
    let kind = table.bytes().fold(0u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    format!("{kind:08x}{number:024x}")
}

fn translation(pose: &Pose) -> [f64; 3] {
    pose.translation.vector.into()
}

fn rotation(pose: &Pose) -> [f64; 4] {
    let q = pose.rotation;
    [q.w, q.i, q.j, q.k]
}

/// The description of the recorded keyframe. Python writes NaN, which JSON
/// has not.
pub(crate) fn infos(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("infos_from_pkl.json")).expect("is there");
    serde_json::from_str(&text.replace("NaN", "null")).expect("is JSON")
}

fn microseconds(seconds: &Value) -> i64 {
    (seconds.as_f64().expect("a number") * 1e6).round() as i64
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

pub(crate) fn numbers<const N: usize>(value: &Value) -> [f64; N] {
    let numbers = value.as_array().expect("a list").iter();
    let numbers: Vec<f64> = numbers.map(|n| n.as_f64().expect("a number")).collect();
    numbers.try_into().expect("as many")
}

/// The pose in a matrix of four rows.
pub(crate) fn pose(rows: &Value) -> Pose {
    let rows: Vec<[f64; 4]> = rows.as_array().expect("rows").iter().map(numbers).collect();
    let matrix = Matrix4::from_fn(|row, column| rows[row][column]);
    let rotation = Rotation3::from_matrix(&matrix.fixed_view::<3, 3>(0, 0).into_owned());
    Pose::from_parts(
        Translation3::from(matrix.fixed_view::<3, 1>(0, 3).into_owned()),
        UnitQuaternion::from_rotation_matrix(&rotation),
    )
}
