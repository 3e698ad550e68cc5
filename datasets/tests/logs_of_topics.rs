//! Logs of topics, made here: whatever holds them and however they are
//! encoded, the same messages make the same frames.

mod topics;

use std::fs;
use std::path::Path;

use janus_datasets::{Distortion, Log, Loss, Options, Pixels, SensorKind};
use mcap::{Compression, WriteOptions};
use topics::foxglove::foxglove;
use topics::*;

/// Everything that the drive should be, once.
#[test]
fn a_drive_is_what_its_messages_say() {
    let (_folder, log) = log(&drive(false));
    let info = log.info();
    assert_eq!(
        (log.format(), info.frames, info.first, info.last),
        ("mcap", 5, Some(0), Some(4))
    );
    assert_eq!((info.pose_source, info.duration_s), (Some("tf"), 0.4));
    assert!(info.lost.is_empty() && info.jumps.is_empty() && info.gaps.is_empty());
    assert!((info.distance_m - 4.0).abs() < 1e-9, "{}", info.distance_m);
    let sensors: Vec<_> = info
        .sensors
        .iter()
        .map(|s| (&*s.name, &*s.source, s.kind, s.count, s.resolution))
        .collect();
    let expected = [
        ("lidar", "/lidar/points", SensorKind::Lidar, 5, None),
        (
            "camera",
            "/camera/image_raw",
            SensorKind::Camera,
            5,
            Some([4, 2]),
        ),
    ];
    assert_eq!(sensors, expected);
    assert!(
        info.sensors
            .iter()
            .all(|s| s.rate_hz.is_some_and(|hz| (hz - 10.0).abs() < 1e-9))
    );
    let topics: Vec<_> = info
        .topics
        .iter()
        .map(|t| (&*t.name, t.count, t.read))
        .collect();
    let expected = [
        ("/camera/camera_info", 1, true),
        ("/camera/image_raw", 5, true),
        ("/lidar/points", 5, true),
        ("/tf", 12, true),
        ("/tf_static", 3, true),
    ];
    assert_eq!(topics, expected);

    let rig = log.rig();
    let place = |pose: &janus_datasets::Pose| <[f64; 3]>::from(pose.translation.vector);
    assert_eq!(place(&rig.lidars[0].base_from_sensor), [1.0, 0.0, 2.0]);
    assert_eq!(place(&rig.cameras[0].base_from_sensor), [0.0, 0.5, 1.75]);
    assert_eq!(
        (rig.cameras[0].focal, rig.cameras[0].centre),
        ([3.0; 2], [2.0, 1.0])
    );
    let bent = Distortion::Radial([-0.1, 0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(rig.cameras[0].distortion, bent);

    for (step, frame) in (0..).zip(frames(&log)) {
        let stamp = START + step * 100 * MS;
        assert_eq!((frame.index, frame.stamp), (step as u64, stamp));
        let pose = frame.pose.expect("has one");
        assert!((pose.translation.x - step as f64).abs() < 1e-9, "{pose}");
        let [sweep] = frame.sweeps.as_slice() else {
            panic!("one lidar")
        };
        assert_eq!(
            (sweep.lidar, sweep.stamp, sweep.points.len()),
            (0, stamp, 3)
        );
        let [first, invalid, last] = [0, 1, 2].map(|i| sweep.points[i]);
        let x = step as i32 * 1000 + 250;
        assert_eq!(
            [first.x, first.y, first.z, first.after_ns() as i32],
            [x, -2000, 500, 0]
        );
        assert!(!invalid.is_valid());
        assert_eq!(
            [last.x, last.y, last.z, last.after_ns() as i32],
            [3000, x, -1000, 90_000_000]
        );
        let [image] = frame.images.as_slice() else {
            panic!("one camera")
        };
        assert_eq!((image.camera, image.stamp), (0, stamp + 20 * MS));
        let Pixels::Rgb(rgb) = &image.pixels else {
            panic!("rows of pixels")
        };
        assert!(
            rgb.pixels()
                .all(|pixel| pixel.0 == [10 * step as u8, 100, 200])
        );
        assert!(
            image
                .source
                .ends_with(format!("camera/image_raw/{}", image.stamp))
        );
    }
    let part: Vec<u64> = log
        .frames(Some(3..9))
        .map(|f| f.expect("is whole").index)
        .collect();
    assert_eq!(part, [3, 4]);
}

#[test]
fn every_container_holds_the_same() {
    let said = drive(false);
    let expected = told(&log(&said).1);
    let folder = tempfile::tempdir().expect("a folder");
    let chunked = || WriteOptions::new().chunk_size(Some(700));
    let plain = || WriteOptions::new().use_chunks(false);
    let bare = |options: WriteOptions| {
        options
            .emit_summary_records(false)
            .emit_message_indexes(false)
            .emit_summary_offsets(false)
    };
    for (name, options) in [
        ("uncompressed", chunked().compression(None)),
        ("lz4", chunked().compression(Some(Compression::Lz4))),
        ("zstd", chunked().compression(Some(Compression::Zstd))),
        ("one chunk", WriteOptions::new().chunk_size(None)),
        ("no checksums", chunked().calculate_chunk_crcs(false)),
        ("unindexed", bare(chunked())),
        ("no chunks", plain()),
        ("neither", bare(plain())),
    ] {
        for finished in [true, false] {
            let log = open(folder.path(), &mcap(&said, options.clone(), finished));
            assert_eq!(told(&log), expected, "{name}, finished: {finished}");
            let breaks = log
                .info()
                .notes
                .iter()
                .any(|note| note.contains("breaks off"));
            assert_eq!(breaks, !finished, "{name}: {:?}", log.info().notes);
        }
    }
    for definitions in [true, false] {
        let path = folder.path().join(format!("{definitions}.db3"));
        db3(&path, &said, definitions);
        let log = Log::open(&path).expect("is a log");
        assert_eq!((told(&log), log.format()), (expected.clone(), "rosbag2"));
    }
}

#[test]
fn a_folder_is_one_log_of_several_files() {
    let said = drive(false);
    let expected = told(&log(&said).1);
    let folder = tempfile::tempdir().expect("a folder");
    let names: Vec<String> = (0..said.len().div_ceil(3))
        .map(|n| format!("bag_{n}.mcap"))
        .collect();
    for (name, part) in names.iter().zip(said.chunks(3)) {
        fs::write(
            folder.path().join(name),
            mcap(part, WriteOptions::new(), true),
        )
        .expect("written");
    }
    // Without a description, in the order of the numbers.
    let log = Log::open(folder.path()).expect("is a log");
    assert_eq!(told(&log), expected);
    assert!(
        log.info().notes[0].contains("metadata.yaml: missing"),
        "{:?}",
        log.info().notes
    );

    let describe = |mode: &str, format: &str| {
        let list: String = names
            .iter()
            .map(|name| format!("    - bag/{name}\n"))
            .collect();
        let text = format!(
            "rosbag2_bagfile_information:\n  version: 5\n  storage_identifier: mcap\n  \
             compression_mode: \"{mode}\"\n  compression_format: \"{format}\"\n  relative_file_paths:\n{list}"
        );
        fs::write(folder.path().join("metadata.yaml"), text).expect("written");
    };
    describe("", "");
    let log = Log::open(folder.path()).expect("is a log");
    assert_eq!((told(&log), log.format()), (expected, "rosbag2"));

    describe("FILE", "lz4");
    let error = Log::open(folder.path())
        .expect_err("is compressed as nothing else is")
        .to_string();
    assert!(
        error.contains("compression_format: expected zstd, found `lz4`"),
        "{error}"
    );

    describe("", "");
    fs::remove_file(folder.path().join("bag_3.mcap")).expect("was there");
    let log = Log::open(folder.path()).expect("is a log");
    assert!(
        log.info()
            .notes
            .iter()
            .any(|note| note.contains("bag_3.mcap: missing"))
    );
    assert_eq!(log.info().lost, [(Loss::MissingFile, 1)].into());
    fs::write(
        folder.path().join("metadata.yaml"),
        "rosbag2_bagfile_information: 7",
    )
    .expect("written");
    let error = Log::open(folder.path())
        .expect_err("is not described")
        .to_string();
    assert!(error.contains("metadata.yaml"), "{error}");
}

/// Messages as rosbag2 writes them in its compression mode MESSAGE.
fn packed(said: &[Said]) -> Vec<Said> {
    let pack = |message: &Said| Said {
        data: zstd::bulk::compress(&message.data, 1).expect("packs"),
        ..message.clone()
    };
    said.iter().map(pack).collect()
}

#[test]
fn messages_that_were_compressed_one_by_one_say_the_same() {
    let said = drive(false);
    let expected = told(&log(&said).1);
    let mut said = packed(&said);
    let (_folder, log_of_topics) = log(&said);
    assert!(log_of_topics.info().lost.is_empty());
    assert_eq!(told(&log_of_topics), expected);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bag_0.db3");
    db3(&path, &said, true);
    assert_eq!(told(&Log::open(&path).expect("is a log")), expected);

    // Half a message, and one that says that it is as long as memory.
    let mut half = said[0].clone();
    half.data.truncate(half.data.len() / 2);
    let mut liar = said[0].clone();
    liar.data = [&[0x28, 0xB5, 0x2F, 0xFD, 0xE0][..], &[0x7F; 9]].concat();
    said.extend([half, liar]);
    let (_folder, log) = log(&said);
    assert_eq!(log.info().lost, [(Loss::Malformed, 2)].into());
    assert_eq!(told(&log), expected);
    let notes = log.info().notes.join("\n");
    assert!(
        notes.contains("2 compressed messages were left out"),
        "{notes}"
    );
}

#[test]
fn files_that_were_compressed_as_a_whole_say_the_same() {
    let said = drive(false);
    let expected = told(&log(&said).1);
    let folder = tempfile::tempdir().expect("a folder");
    let bag = folder.path().join("bag");
    fs::create_dir(&bag).expect("made");
    let pack = |bytes: &[u8], name: &str| {
        let packed = zstd::bulk::compress(bytes, 1).expect("packs");
        fs::write(bag.join(name), packed).expect("written");
    };
    let (first, second) = said.split_at(said.len() / 2);
    pack(&mcap(first, WriteOptions::new(), true), "bag_0.mcap.zstd");
    pack(&mcap(second, WriteOptions::new(), true), "bag_1.mcap.zstd");
    // Without a description, then with one.
    assert_eq!(told(&Log::open(&bag).expect("is a log")), expected);
    let description = "rosbag2_bagfile_information:\n  compression_mode: FILE\n  \
                       compression_format: zstd\n  relative_file_paths:\n    \
                       - bag_0.mcap.zstd\n    - bag_1.mcap.zstd\n";
    fs::write(bag.join("metadata.yaml"), description).expect("written");
    let log = Log::open(&bag).expect("is a log");
    assert_eq!((told(&log), log.format()), (expected.clone(), "rosbag2"));
    assert!(log.info().lost.is_empty());

    // What it was unpacked into goes with it.
    let into = |note: &String| {
        let (_, folder) = note.split_once("unpacked into ")?;
        Some(Path::new(folder.split_once(" for ")?.0).to_path_buf())
    };
    let folders: Vec<_> = log.info().notes.iter().filter_map(into).collect();
    assert!(folders.len() == 2 && folders.iter().all(|folder| folder.is_dir()));
    drop(log);
    assert!(folders.iter().all(|folder| !folder.exists()));

    let database = folder.path().join("plain.db3");
    db3(&database, &said, true);
    pack(&fs::read(&database).expect("is there"), "alone.db3.zstd");
    let alone = bag.join("alone.db3.zstd");
    assert_eq!(told(&Log::open(&alone).expect("is a log")), expected);
    let bytes = fs::read(&alone).expect("is there");
    fs::write(&alone, &bytes[..bytes.len() / 2]).expect("written");
    let error = Log::open(&alone).expect_err("is half a file").to_string();
    assert!(error.contains("alone.db3.zstd: Zstandard data"), "{error}");
}

#[test]
fn big_endian_messages_say_the_same() {
    assert_eq!(told(&log(&drive(true)).1), told(&log(&drive(false)).1));
}

#[test]
fn foxglove_messages_say_the_same() {
    assert_eq!(told(&log(&foxglove()).1), told(&log(&drive(false)).1));
}

#[test]
fn compressed_pictures_stay_as_they_are() {
    let mut png = std::io::Cursor::new(Vec::new());
    let rgb = image::RgbImage::from_pixel(4, 2, image::Rgb([1, 2, 3]));
    rgb.write_to(&mut png, image::ImageFormat::Png)
        .expect("encodes");
    let png = png.into_inner();
    let compressed = |topic: &str, bytes: &[u8]| {
        let cdr = Cdr::new(false)
            .header(START, "camera")
            .text("rgb8; png compressed rgb8");
        cdr.data(bytes)
            .on(topic, "sensor_msgs/msg/CompressedImage", START)
    };
    let mut said: Vec<Said> = drive(false)
        .into_iter()
        .filter(|s| s.topic != "/camera/image_raw")
        .collect();
    said.push(compressed("/camera/image_raw/compressed", &png));
    let all = frames(&log(&said).1);
    let Pixels::Encoded(bytes) = &all[0].images[0].pixels else {
        panic!("a file's bytes")
    };
    assert_eq!((bytes, all[1].images.len()), (&png, 0));
}

#[test]
fn the_way_comes_from_the_best_source_there_is() {
    let way = |said: Vec<Said>| {
        let (_folder, log) = log(&[sensors(false), said].concat());
        let xs: Vec<f64> = frames(&log)
            .iter()
            .map(|frame| (frame.pose.expect("has one").translation.x * 1e6).round() / 1e6)
            .collect();
        (log.info().pose_source, xs)
    };
    let steps = || (-1..11).map(|step| (START + step * 50 * MS, step as f64 * 0.5));
    let ahead = vec![0.0, 1.0, 2.0, 3.0, 4.0];
    let odometry: Vec<Said> = steps()
        .map(|(stamp, x)| odometry(stamp, "lidar", [x + 1.0, 0.0, 2.0]))
        .collect();
    let poses: Vec<Said> = steps()
        .map(|(stamp, x)| pose(stamp, [2.0 * x, 0.0, 0.0]))
        .collect();
    // East along the equator, at 10 m/s and looking north.
    let degree = 6_378_137.0f64.to_radians();
    let fixes: Vec<Said> = steps()
        .map(|(stamp, x)| fix(stamp, 0.0, 8.0 + x / degree, 0))
        .collect();
    let turned: Vec<Said> = steps()
        .map(|(stamp, _)| imu(stamp, std::f64::consts::FRAC_PI_2))
        .collect();
    let transforms = topics::way(false);
    let still: Vec<Said> = steps()
        .map(|(stamp, _)| transform("/tf", stamp, "odom", "base_link", [5.0, 0.0, 0.0], false))
        .collect();

    let all = [transforms, odometry.clone(), poses.clone()].concat();
    assert_eq!(way(all), (Some("tf"), ahead.clone()));
    // Transforms that say that the vehicle never moves do not count.
    let all = [still, odometry, poses.clone()].concat();
    assert_eq!(way(all), (Some("odometry"), ahead));
    assert_eq!(way(poses), (Some("pose"), vec![0.0, 2.0, 4.0, 6.0, 8.0]));
    let (source, xs) = way([fixes.clone(), turned].concat());
    assert_eq!(source, Some("gnss"));
    // Odom begins with the first fix, half a metre before the first frame.
    for (x, expected) in xs.iter().zip([0.5, 1.5, 2.5, 3.5, 4.5]) {
        assert!((x - expected).abs() < 1e-3, "{xs:?}");
    }
    // Fixes alone do not say where the vehicle looks.
    assert_eq!(way(fixes), (None, vec![0.0; 5]));
}

#[test]
fn a_frame_outside_the_way_is_broken() {
    let mut said = drive(false);
    said.retain(|s| s.topic != "/tf" || s.logged >= START + 80 * MS);
    let (_folder, log) = log(&said);
    let broken: Vec<_> = log.frames(None).filter_map(Result::err).collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(
        (broken[0].index, broken[0].error.reason()),
        (0, "missing_pose")
    );
}

#[test]
fn records_that_are_no_part_of_a_frame_are_counted() {
    let mut said = drive(false);
    let again = said
        .iter()
        .find(|s| s.topic == "/lidar/points")
        .expect("one")
        .clone();
    said.push(again);
    // Between two sweeps, farther from both than is allowed.
    said.push(picture(
        "/camera/image_raw",
        "camera",
        START + 490 * MS,
        [0; 3],
        false,
    ));
    said.push(picture(
        "/camera/image_raw",
        "camera",
        START + 3_000 * MS,
        [0; 3],
        false,
    ));
    said.push(picture(
        "/camera/image_raw",
        "camera",
        START + 60 * MS,
        [0; 3],
        false,
    ));
    said.push(
        Cdr::new(false)
            .u32(7)
            .on("/lidar/points", "sensor_msgs/msg/PointCloud2", START),
    );
    let (_folder, log) = log(&said);
    let lost = [
        (Loss::Unpaired, 2),
        (Loss::Duplicate, 1),
        (Loss::Late, 1),
        (Loss::Malformed, 1),
    ];
    assert_eq!(log.info().lost, lost.into());
    let path = log.path().display();
    let faults: Vec<String> = log.info().faults().collect();
    let expected = [
        format!("{path}: records lost: 1 late: their time had passed when they came"),
        format!("{path}: records lost: 1 malformed: they cannot be read"),
    ];
    assert_eq!(faults, expected);
    assert_eq!(frames(&log).len(), 5);
    let note = log
        .info()
        .notes
        .iter()
        .find(|note| note.contains("/lidar/points"))
        .expect("is told");
    assert!(note.contains("1 of 7 messages were left out"), "{note}");

    let options = Options {
        tolerance_ns: 10 * MS,
        ..Options::default()
    };
    let log = Log::open_with(log.path(), &options).expect("is a log");
    assert_eq!(log.info().lost[&Loss::Unpaired], 7);
    assert!(frames(&log).iter().all(|frame| frame.images.is_empty()));
}

#[test]
fn jumps_of_the_clock_are_told() {
    let sweep = |ms: i64| cloud("/points", "lidar", START + ms * MS, &[([1.0; 3], 0)], false);
    let steps = |from: i64| (0..6).map(move |k| from + 100 * k);
    // On by a minute, and back to the beginning.
    let said: Vec<Said> = steps(0)
        .chain(steps(60_000))
        .chain(steps(50))
        .map(sweep)
        .collect();
    let (_folder, log) = log(&said);
    let jumps: Vec<_> = log
        .info()
        .jumps
        .iter()
        .map(|j| (j.frame, (j.step_s * 10.0).round()))
        .collect();
    assert_eq!(
        (log.indices().len(), jumps),
        (18, vec![(6, 595.0), (12, -605.0)])
    );
    assert!(log.info().lost.is_empty());
    assert_eq!(frames(&log)[12].stamp, START + 50 * MS);

    // With poses, times that come again have none that is certain.
    let poses = (-1..7).map(|k| pose(START + 100 * k * MS, [k as f64, 0.0, 0.0]));
    let more = (-1..7).map(|k| pose(START + (60_000 + 100 * k) * MS, [k as f64, 0.0, 0.0]));
    let (_folder, log) = topics::log(&poses.chain(more).chain(said).collect::<Vec<_>>());
    let broken: Vec<u64> = log
        .frames(None)
        .filter_map(Result::err)
        .map(|broken| broken.index)
        .collect();
    assert_eq!(broken, [12, 13, 14, 15, 16, 17]);
    assert!(
        log.info()
            .notes
            .iter()
            .any(|note| note.contains("clock was set back"))
    );
}

#[test]
fn topics_are_read_as_they_are_named() {
    let mut said = drive(false);
    said.push(
        Cdr::new(false)
            .text("hello")
            .on("/chatter", "std_msgs/msg/String", START),
    );
    let (_folder, log) = log(&said);
    let open = |topics: &[&str]| {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        Log::open_with(
            log.path(),
            &Options {
                topics,
                ..Options::default()
            },
        )
    };
    let only = open(&["/camera/image_raw"]).expect("is there");
    assert_eq!((only.rig().lidars.len(), only.rig().cameras.len()), (0, 1));
    assert_eq!(frames(&only)[0].stamp, START + 20 * MS);
    assert_eq!(only.info().pose_source, Some("tf"));
    let error = open(&["/lidar/points", "/radar"])
        .expect_err("is not there")
        .to_string();
    let list = "/camera/camera_info (sensor_msgs/msg/CameraInfo), /camera/image_raw (sensor_msgs/msg/Image)";
    assert!(
        error.contains("topic `/radar`") && error.contains(list),
        "{error}"
    );
    let error = open(&["/chatter"]).expect_err("is no record").to_string();
    assert!(error.contains("a topic of a type that is read"), "{error}");
}

#[test]
fn sensors_that_cannot_be_mounted_are_left_out() {
    let mut said = drive(false);
    said.push(cloud(
        "/radar/points",
        "radar",
        START,
        &[([1.0; 3], 0)],
        false,
    ));
    // A map, which does not sit on the vehicle.
    said.push(cloud("/map", "odom", START, &[([1.0; 3], 0)], false));
    said.push(picture("/other/image_raw", "mast", START, [0; 3], false));
    said.push(picture(
        "/camera/image_scaled",
        "camera",
        START,
        [0; 3],
        false,
    ));
    let depth = |s: Said| Said {
        topic: "/depth/image".into(),
        data: Cdr::new(false).u32(0).on("", "", 0).data,
        ..s
    };
    said.push(depth(picture("", "camera", START, [0; 3], false)));
    let (_folder, log) = log(&said);
    assert_eq!((log.rig().lidars.len(), log.rig().cameras.len()), (1, 1));
    let notes = log.info().notes.join("\n");
    for note in [
        "/radar/points: it was left out: no transform names the frame `radar`",
        "/map: it was left out: the frame `base_link` moves in `odom`",
        "/other/image_raw: it was left out: there is no calibration of its camera",
        "/camera/image_scaled: it was left out: /camera/image_raw shows the same camera",
        "/depth/image: it was left out: ",
    ] {
        assert!(notes.contains(note), "{note}\nin\n{notes}");
    }
    assert!(log.info().notes.iter().all(|note| note.ends_with('.')));
    assert_eq!(log.info().lost, [(Loss::NoTransform, 1)].into());
    assert_eq!(frames(&log).len(), 5);
}

#[test]
fn the_body_is_kept_beside_the_messages() {
    let write = |values: [&str; 5]| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut writer = WriteOptions::new().create(&mut bytes).expect("begins");
        let keys = ["min_x", "min_y", "max_x", "max_y", "height"].map(str::to_owned);
        let metadata = keys.into_iter().zip(values.map(str::to_owned)).collect();
        let name = "janus.body".into();
        let record = mcap::records::Metadata { name, metadata };
        writer.write_metadata(&record).expect("a record");
        writer.finish().expect("ends");
        drop(writer);
        let folder = tempfile::tempdir().expect("a folder");
        open(folder.path(), &bytes.into_inner()).rig().body
    };
    let body = write(["-2.5", "-1", "2.25", "1", "1.9"]).expect("is a box");
    assert_eq!(
        (body.min, body.max, body.height),
        ([-2.5, -1.0], [2.25, 1.0], 1.9)
    );
    for wrong in [
        ["1", "-1", "-1", "1", "2"],
        ["NaN", "-1", "1", "1", "2"],
        ["-1", "-1", "inf", "1", "2"],
        ["-1", "-1", "1", "1", ""],
    ] {
        assert_eq!(write(wrong), None);
    }
}

/// The rig's order is that of the topics' names.
#[test]
fn a_converted_log_is_the_one_that_it_was() {
    let drive = janus_datasets::synth::Drive {
        frames: Some(4),
        ..Default::default()
    };
    let original = Log::synthetic(drive).expect("is in range");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("drive.mcap");
    janus_datasets::convert::convert(&original, &path, |_| {}).expect("is written");
    let log = Log::open(&path).expect("is a log");
    assert_eq!((log.info().frames, log.info().pose_source), (4, Some("tf")));
    assert!(log.info().lost.is_empty(), "{:?}", log.info().lost);
    let same = |a: &janus_datasets::Pose, b: &janus_datasets::Pose| {
        (a.to_homogeneous() - b.to_homogeneous()).amax() < 1e-9
    };
    let [rig, known] = [log.rig(), original.rig()];
    assert_eq!((rig.lidars.len(), rig.cameras.len()), (4, 4));
    let known_lidar = |lidar: usize| {
        let mut places = known.lidars.iter();
        places
            .position(|other| other.name == rig.lidars[lidar].name)
            .expect("is one of them")
    };
    let known_camera = |camera: usize| {
        let mut places = known.cameras.iter();
        places
            .position(|other| other.name == rig.cameras[camera].name)
            .expect("is one of them")
    };
    for (i, lidar) in rig.lidars.iter().enumerate() {
        let expected = &known.lidars[known_lidar(i)];
        assert!(same(&lidar.base_from_sensor, &expected.base_from_sensor));
    }
    for (i, camera) in rig.cameras.iter().enumerate() {
        let lens = &known.cameras[known_camera(i)];
        assert!(same(&camera.base_from_sensor, &lens.base_from_sensor));
        assert_eq!(
            (camera.resolution, camera.focal, camera.centre),
            (lens.resolution, lens.focal, lens.centre)
        );
    }
    assert_eq!(rig.body, known.body);
    for (frame, expected) in frames(&log).iter().zip(&frames(&original)) {
        assert_eq!((frame.index, frame.stamp), (expected.index, expected.stamp));
        assert_eq!((frame.sweeps.len(), frame.images.len()), (4, 4));
        let [pose, known] = [frame, expected].map(|frame| frame.pose.expect("has one"));
        assert!(same(&pose, &known));
        for sweep in &frame.sweeps {
            let expected = &expected.sweeps[known_lidar(sweep.lidar)];
            assert!(sweep.stamp == expected.stamp && sweep.points == expected.points);
        }
        for image in &frame.images {
            let expected = &expected.images[known_camera(image.camera)];
            let [picture, known] = [image, expected].map(|i| i.decode().expect("is whole"));
            assert!(picture == known && image.stamp == expected.stamp);
        }
    }
}

/// A frame that unpacks to more than there may be memory for.
#[test]
fn a_frame_of_too_many_bytes_is_refused() {
    let clouds = |lidars: usize| -> Vec<Said> {
        let points = vec![([1.0; 3], 0); 300_000];
        (0..lidars)
            .map(|k| {
                cloud(
                    &format!("/lidar_{k}/points"),
                    "lidar",
                    START,
                    &points,
                    false,
                )
            })
            .collect()
    };
    let (_folder, fits) = log(&clouds(2));
    assert_eq!(frames(&fits)[0].sweeps.len(), 2);
    let (_folder, packed) = log(&clouds(4));
    let broken: Vec<_> = packed.frames(None).filter_map(Result::err).collect();
    assert_eq!(broken[0].error.reason(), "too_large", "{}", broken[0]);
}

#[test]
fn without_transforms_the_lidar_is_the_vehicle() {
    let said: Vec<Said> = drive(false)
        .into_iter()
        .filter(|s| s.topic == "/lidar/points")
        .collect();
    let (_folder, log) = log(&said);
    assert_eq!(
        log.rig().lidars[0].base_from_sensor,
        janus_datasets::Pose::identity()
    );
    assert_eq!(log.info().pose_source, None);
    assert!(
        frames(&log)
            .iter()
            .all(|frame| frame.pose == Some(janus_datasets::Pose::identity()))
    );
    let notes = log.info().notes.join("\n");
    assert!(
        notes.contains("`lidar` is taken for") && notes.contains("no poses"),
        "{notes}"
    );
}

#[test]
fn a_log_without_sensors_is_shown() {
    let said = [Cdr::new(false)
        .text("hello")
        .on("/chatter", "std_msgs/msg/String", START)];
    let (_folder, log) = log(&said);
    let info = log.info();
    assert_eq!(
        (info.frames, info.topics.len(), log.frames(None).count()),
        (0, 1, 0)
    );
    assert!(
        info.notes[0].contains("no topic of a lidar or a camera"),
        "{:?}",
        info.notes
    );
}

/// A static transform holds from its message on; a calibration from its stamp.
#[test]
fn a_sensor_may_be_moved_and_calibrated_anew() {
    let mut said = drive(false);
    let moved = transform(
        "/tf_static",
        START,
        "base_link",
        "lidar",
        [7.0, 0.0, 2.0],
        false,
    );
    let third = said
        .iter()
        .position(|s| s.topic == "/lidar/points" && s.logged == START + 200 * MS);
    said.insert(third.expect("one"), moved);
    // Told at the end of the log, and of pictures from the fourth on.
    let mut zoomed = camera_info("/camera/camera_info", "camera", START + 320 * MS, false);
    let focal = |part: &[u8]| part == 3.0f64.to_le_bytes();
    let at = zoomed.data.windows(8).position(focal).expect("has one");
    zoomed.data[at..at + 8].copy_from_slice(&6.0f64.to_le_bytes());
    said.push(zoomed);
    let (_folder, log) = log(&said);
    let frames = frames(&log);
    let lidars: Vec<f64> = frames
        .iter()
        .map(|frame| frame.rig.lidars[0].base_from_sensor.translation.x)
        .collect();
    assert_eq!(lidars, [1.0, 1.0, 7.0, 7.0, 7.0]);
    let lenses: Vec<f64> = frames
        .iter()
        .map(|frame| frame.rig.cameras[0].focal[0])
        .collect();
    assert_eq!(lenses, [3.0, 3.0, 3.0, 6.0, 6.0]);
    assert_eq!(log.rig().lidars[0].base_from_sensor.translation.x, 1.0);
    assert_eq!(log.rig().cameras[0].focal[0], 3.0);
}
