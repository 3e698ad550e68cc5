//! `janus plan`, on maps and on cases of the parking benchmark.
#![allow(clippy::unwrap_used)]

mod janus;

use std::fs;
use std::path::Path;
use std::process::Output;

use janus::{janus, json, recorded, said};
use tempfile::TempDir;

const SHUTTLE: &str = include_str!("../configs/vehicles/shuttle.toml");
const CAR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/vehicles/car.toml");

/// A map of 24 m by 12 m with its corner at (−2.03, 1), drawn by what is at
/// the centre of each cell, metres from the corner.
fn map(shade: impl Fn(f64, f64) -> u8) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut picture = b"P5\n240 120\n255\n".to_vec();
    for row in (0..120).rev() {
        let centre = |cell: i32| (f64::from(cell) + 0.5) * 0.1;
        picture.extend((0..240).map(|column| shade(centre(column), centre(row))));
    }
    fs::write(folder.path().join("map.pgm"), picture).unwrap();
    fs::write(
        folder.path().join("map.yaml"),
        "image: map.pgm\nresolution: 0.1\norigin: [-2.03, 1, 0]\nnegate: 0\n\
         occupied_thresh: 0.65\nfree_thresh: 0.196\n",
    )
    .unwrap();
    folder
}

fn open() -> TempDir {
    map(|_, _| 254)
}

/// A wall across the map, with a gap from y to y, metres from the corner.
fn wall(from: f64, to: f64) -> TempDir {
    map(
        |x, y| match (11.0..12.0).contains(&x) && !(from..to).contains(&y) {
            true => 0,
            false => 254,
        },
    )
}

fn plan(folder: &TempDir, more: &[&str]) -> Output {
    janus()
        .arg("plan")
        .arg(folder.path().join("map.yaml"))
        .args(more)
        .output()
        .unwrap()
}

/// From one side of the map to the other.
const ACROSS: [&str; 4] = ["--start", "2,6,0", "--goal", "18,8,20"];

fn across(folder: &TempDir, more: &[&str]) -> Output {
    plan(folder, &[&ACROSS[..], more].concat())
}

/// The exit code is as said and stderr one sentence with `part`.
fn fails(ran: &Output, code: i32, part: &str) {
    let said = said(ran);
    assert_eq!(ran.status.code(), Some(code), "{said}");
    assert!(
        said.starts_with("error: ") && said.contains(part),
        "{part}: {said}"
    );
    // After a misuse the usage follows.
    assert!(code == 2 || said.lines().count() == 1, "{said}");
    assert!(ran.stdout.is_empty());
}

fn text(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap()
}

#[test]
fn a_plan_is_told_drawn_and_recorded() {
    let folder = wall(0.5, 4.0);
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (csv, svg, rrd) = (file("plan.csv"), file("plan.svg"), file("plan.rrd"));
    let files = ["--out", &csv, "--svg", &svg, "--save", &rrd];
    let ran = across(&folder, &[&["--json"][..], &files].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    assert_eq!(said(&ran), "");
    let told = json(&ran.stdout);
    assert_eq!(told["solved"], true);
    assert_eq!(told["vehicle"], "shuttle");
    assert!(told["deadline_ms"].is_null());
    for (field, least, most) in [
        ("first_ms", 0.0, 6e4),
        ("total_ms", 0.0, 6e4),
        ("expansions", 1.0, 2e5),
        ("length_m", 16.1, 30.0),
        ("duration_s", 5.0, 60.0),
        ("end_changes", 0.0, 2.0),
        ("cusps", 0.0, 2.0),
        ("min_clearance_m", 0.01, 5.0),
        ("suboptimality_bound", 1.0, 1.2),
    ] {
        let figure = told[field].as_f64().unwrap();
        assert!((least..=most).contains(&figure), "{field}: {figure}");
    }

    let table = text(&folder, "plan.csv");
    let mut lines = table.lines();
    assert_eq!(
        lines.next(),
        Some("t,x,y,theta,v,a,kappa,steer_a,steer_b,lead")
    );
    let row = |line: &str| -> Vec<f64> {
        let words = line.split(',').take(9);
        words.map(|word| word.parse().unwrap()).collect()
    };
    let first = row(lines.next().unwrap());
    // In the map's frame, not in the grid's.
    assert!(
        (first[1] - 2.0).abs() < 1e-6 && (first[2] - 6.0).abs() < 1e-6,
        "{first:?}"
    );
    let last = row(lines.last().unwrap());
    assert!(
        (last[1] - 18.0).hypot(last[2] - 8.0) < 0.1 + 1e-6,
        "{last:?}"
    );

    let drawing = text(&folder, "plan.svg");
    assert!(drawing.starts_with("<svg") && drawing.ends_with("</svg>\n"));
    for part in [
        "#0072B2",
        "end B leads",
        "expanded states",
        "<use href=\"#body\"",
    ] {
        assert!(drawing.contains(part), "{part}");
    }
    assert!(!drawing.contains("NaN") && !drawing.contains("href=\"http"));
    assert!(fs::metadata(&rrd).unwrap().len() > 10_000);

    let again = across(&folder, &["--json"]);
    assert_eq!(json(&again.stdout)["length_m"], told["length_m"]);
    let ran = across(&folder, &[]);
    let lines = String::from_utf8(ran.stdout).unwrap();
    let expansions = format!("{} states expanded", told["expansions"]);
    for part in ["vehicle    shuttle", &expansions, "of the leading end"] {
        assert!(lines.contains(part), "{lines}");
    }
}

#[test]
fn a_plan_gets_better_until_the_deadline() {
    let folder = wall(0.5, 4.0);
    let soon = json(&across(&folder, &["--json"]).stdout);
    let ran = across(&folder, &["--json", "--deadline", "1500"]);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    let told = json(&ran.stdout);
    assert_eq!(told["deadline_ms"], 1500.0);
    let figures = |field: &str| -> Vec<f64> {
        let course = told["course"].as_array().unwrap().iter();
        course.map(|now| now[field].as_f64().unwrap()).collect()
    };
    // One finite cost after the other, none of them higher.
    let costs = figures("cost");
    assert!(costs.is_sorted_by(|a, b| a >= b), "{costs:?}");
    assert!(figures("ms").is_sorted() && figures("expansions").is_sorted());
    assert_eq!(told["first_ms"], figures("ms")[0]);
    let [cost, before] = [&told, &soon].map(|told| {
        let last = told["course"].as_array().unwrap().last().unwrap();
        last["cost"].as_f64().unwrap()
    });
    assert!(cost <= before, "{cost} {before}");
    let bound = told["suboptimality_bound"].as_f64().unwrap();
    assert!((1.0..1.2).contains(&bound), "{bound}");

    // A microsecond is over before there is anything.
    let ran = across(&folder, &["--deadline", "0.001"]);
    fails(&ran, 1, "found in the time there was");
}

#[test]
fn two_vehicles_stand_side_by_side() {
    let folder = open();
    // The shuttle drives straight on and stands as asked; the car must turn.
    let there = ["--start", "5,6,0", "--goal", "12,6,180", "--against", CAR];
    let ran = plan(&folder, &there);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    let table = String::from_utf8(ran.stdout).unwrap();
    for part in ["shuttle", "car", "saved", "length, m", "changes of end"] {
        assert!(table.contains(part), "{table}");
    }
    let told = json(&plan(&folder, &[&there[..], &["--json"]].concat()).stdout);
    assert_eq!(
        (&told["vehicle"], &told["against"]["vehicle"]),
        (&"shuttle".into(), &"car".into())
    );
    let of = |told: &serde_json::Value| told["length_m"].as_f64().unwrap();
    assert!((of(&told["saved"]) - (of(&told["against"]) - of(&told))).abs() < 1e-9);
    assert!(of(&told["saved"]) > 0.0, "{told}");
}

#[test]
fn random_queries_are_counted() {
    let folder = wall(2.0, 10.0);
    let of = |seed: &str| {
        let ran = plan(&folder, &["--queries", "5", "--seed", seed, "--json"]);
        let mut told = json(&ran.stdout);
        assert_eq!(ran.status.code(), Some(0), "{told}");
        for field in ["prepare_ms", "p50_ms", "p95_ms", "max_ms"] {
            assert!(
                told.as_object_mut()
                    .unwrap()
                    .remove(field)
                    .unwrap()
                    .as_f64()
                    .unwrap()
                    > 0.0
            );
        }
        told
    };
    let told = of("3");
    assert_eq!((&told["queries"], &told["solved"]), (&5.into(), &5.into()));
    assert_eq!(of("3"), told);
    assert_ne!(of("4")["length_m"], told["length_m"]);
    let ran = plan(&folder, &["--queries", "5", "--budget", "1"]);
    assert_eq!(ran.status.code(), Some(3), "{}", said(&ran));
    assert!(
        String::from_utf8(ran.stdout)
            .unwrap()
            .contains("budget_exhausted")
    );
}

#[test]
fn poses_that_cannot_be_are_told() {
    let folder = wall(3.0, 7.5);
    let from_to = |start, goal| plan(&folder, &["--start", start, "--goal", goal]);
    fails(
        &from_to("9,2,0", "18,8,0"),
        1,
        "does not stand free at the start",
    );
    fails(
        &from_to("2,6,0", "9,2,0"),
        1,
        "would not stand free at the goal",
    );
    fails(&from_to("-2,6,0", "18,8,0"), 1, "the start is outside");
    fails(&from_to("2,6,0", "18,800,0"), 1, "the goal is outside");
    for bad in ["nan,6,0", "2,inf,0", "2,6", "here"] {
        fails(&from_to(bad, "18,8,0"), 2, "expected three numbers X,Y,DEG");
    }
}

#[test]
fn no_way_and_no_time_are_told_apart() {
    let closed = map(|x, _| if (11.0..12.0).contains(&x) { 0 } else { 254 });
    fails(&across(&closed, &[]), 1, "no way to the goal: all");
    let ran = across(&closed, &["--json"]);
    let told = json(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(
        (&told["solved"], &told["reason"]),
        (&false.into(), &"no_path".into())
    );
    assert!(told["length_m"].is_null() && told["first_ms"].is_null());

    let open = wall(0.5, 4.0);
    fails(
        &across(&open, &["--budget", "2"]),
        1,
        "found within 2 states",
    );
    fails(
        &across(&open, &["--deadline", "0"]),
        2,
        "expected a time from 0.001",
    );
}

#[test]
fn maps_that_cannot_be_planned_on_are_told() {
    let folder = map(|x, _| if x < 12.0 { 0 } else { 205 });
    fails(
        &across(&folder, &[]),
        1,
        "map.yaml: the map has no free cell",
    );
    fs::write(folder.path().join("map.pgm"), b"P5\n240 120\n255\n").unwrap();
    fails(
        &across(&folder, &[]),
        1,
        "map.pgm: picture: expected 28800 pixels, found 0",
    );
    let yaml = text(&folder, "map.yaml").replace("0.1", "-0.1");
    fs::write(folder.path().join("map.yaml"), yaml).unwrap();
    fails(
        &across(&folder, &[]),
        1,
        "map.yaml: resolution: expected whole millimetres",
    );
    fs::remove_file(folder.path().join("map.yaml")).unwrap();
    fails(&across(&folder, &[]), 1, "map.yaml: ");
    let ran = janus().args(["plan", "map.tiff"]).output().unwrap();
    fails(
        &ran,
        1,
        "map.tiff: expected a map of map_server (.yaml) or a case",
    );
    let narrow = map(|_, y| if y < 3.0 { 254 } else { 0 });
    fails(
        &plan(&narrow, &["--queries", "3"]),
        1,
        "`shuttle` fits nowhere",
    );
}

#[test]
fn vehicles_and_settings_that_contradict_themselves_are_told() {
    let folder = open();
    let path = folder.path().join("my.toml");
    for (from, to, told) in [
        (
            "width = 1.8",
            "width = nan",
            "my.toml: width: expected metres",
        ),
        (
            "max_steer_b = 0.45",
            "max_steer_b = 0.0",
            "my.toml: max_steer_b: ",
        ),
        ("wheelbase = 2.4", "wheelbase = 4.0", "my.toml: wheelbase: "),
        ("crab = true", "crab = 3", "my.toml: line "),
    ] {
        fs::write(&path, SHUTTLE.replace(from, to)).unwrap();
        for option in ["--vehicle", "--against"] {
            fails(&across(&folder, &[option, path.to_str().unwrap()]), 1, told);
        }
    }
    fs::write(&path, "[planner]\nheadings = 17").unwrap();
    let ran = across(&folder, &["--config", path.to_str().unwrap()]);
    fails(&ran, 1, "headings: expected 16 or 32");
    let ran = across(&folder, &["--out", "/no/such/folder/plan.csv"]);
    fails(&ran, 1, "/no/such/folder/plan.csv: cannot be written");
}

#[test]
fn what_the_problem_leaves_open_must_be_given_and_nothing_else() {
    let folder = open();
    fails(&plan(&folder, &[]), 2, "a map needs --start and --goal");
    fails(
        &plan(&folder, &["--start", "2,6,0"]),
        2,
        "a map needs --start and --goal",
    );
    fails(
        &across(&folder, &["--queries", "3"]),
        2,
        "cannot be used with",
    );
    let case = folder.path().join("case.csv");
    fs::write(&case, "0,0,0,8,0,0,0").unwrap();
    let of_case = |more: &[&str]| janus().arg("plan").arg(&case).args(more).output().unwrap();
    fails(&of_case(&ACROSS), 2, "a case has its own start and goal");
    fails(&of_case(&["--queries", "3"]), 2, "--queries needs a map");
    assert_eq!(of_case(&[]).status.code(), Some(0));
    fs::write(&case, "0,0,0,8,0,0,1,4,1,1").unwrap();
    fails(
        &of_case(&[]),
        1,
        "case.csv: coordinates: expected two for each of 4 vertices",
    );
}

/// The goal lies six metres ahead.
#[test]
fn a_case_far_from_the_origin_keeps_its_frame() {
    let folder = tempfile::tempdir().unwrap();
    let (case, out) = (
        folder.path().join("case.csv"),
        folder.path().join("plan.csv"),
    );
    fs::write(
        &case,
        "7e9,-8e9,0,7000000006,-8e9,0,1,3,7e9,-7999999990,7000000001,-7999999990,7e9,-7999999989",
    )
    .unwrap();
    let ran = janus()
        .arg("plan")
        .arg(&case)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    let table = text(&folder, "plan.csv");
    assert!(
        table
            .lines()
            .nth(1)
            .unwrap()
            .starts_with("0.000000,7000000000.000000,-8000000000.000000,")
    );
    let last = table.lines().last().unwrap();
    assert!(
        last.contains(",A") && last.split(',').nth(1).unwrap().starts_with("7000000005.9")
            || last.split(',').nth(1).unwrap().starts_with("7000000006.0"),
        "{last}"
    );
}

#[test]
fn recorded_problems_are_solved() {
    let Some(data) = recorded("planning") else {
        return;
    };
    let solved = |path: &Path, more: &[&str]| {
        let ran = janus()
            .args(["plan", "--json"])
            .arg(path)
            .args(more)
            .output()
            .unwrap();
        let told = json(&ran.stdout);
        assert_eq!(ran.status.code(), Some(0), "{}: {told}", path.display());
        told
    };
    // The car does not leave the slot of case 7, half a metre longer than it is.
    let cases = [1, 3, 5, 9, 11, 13, 15, 17, 19];
    let shuttle = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/vehicles/shuttle.toml");
    let (mut turns, mut seconds) = ([0; 2], [0.0; 2]);
    for number in cases {
        let case = data.join(format!("tpcap/Case{number}.csv"));
        let with = [solved(&case, &[]), solved(&case, &["--vehicle", shuttle])];
        assert_eq!(with[0]["vehicle"], "car");
        for (k, told) in with.iter().enumerate() {
            turns[k] += told["cusps"].as_u64().unwrap();
            seconds[k] += told["duration_s"].as_f64().unwrap();
        }
    }
    // What two steered ends are good for.
    assert!(
        turns[1] < turns[0] && seconds[1] < seconds[0],
        "{turns:?} {seconds:?}"
    );
    solved(&data.join("tpcap/Case7.csv"), &["--vehicle", shuttle]);
    let warehouse = data.join("nav2_maps/warehouse.yaml");
    let told = solved(&warehouse, &["--queries", "5"]);
    assert_eq!(told["solved"], 5);

    // A quarter as large: tiny curves must pass the check, too.
    let scaled = |line: &str| match line.split_once(" = ") {
        Some((field, figure)) => {
            let power = match field {
                "length" | "width" | "height" | "wheelbase" | "min_speed" => 1,
                "max_curvature_rate" => -2,
                _ => return line.to_owned(),
            };
            let figure: f64 = figure.parse().unwrap();
            format!("{field} = {:?}", figure * 0.25f64.powi(power))
        }
        None => line.to_owned(),
    };
    let small: Vec<_> = SHUTTLE.lines().map(scaled).collect();
    let folder = tempfile::tempdir().unwrap();
    let vehicle = folder.path().join("small.toml");
    fs::write(&vehicle, small.join("\n")).unwrap();
    let depot = data.join("nav2_maps/depot.yaml");
    let vehicle = vehicle.to_str().unwrap();
    let told = solved(&depot, &["--queries", "20", "--vehicle", vehicle]);
    assert_eq!(told["solved"], 20);
}

#[test]
fn primitives_are_made_drawn_and_used() {
    let folder = wall(3.0, 7.5);
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (set, svg, vehicle) = (file("set.toml"), file("set.svg"), file("my.toml"));
    fs::write(&vehicle, SHUTTLE).unwrap();
    let make = |out: &str| {
        let ran = janus()
            .args(["primitives", &vehicle, out, "--svg", &svg])
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
        String::from_utf8(ran.stdout).unwrap()
    };
    let told = make(&set);
    for part in ["vehicle    shuttle", "32 headings", " crab, ", " mixed"] {
        assert!(told.contains(part), "{told}");
    }
    let hash = told.split_whitespace().last().unwrap();
    assert!(text(&folder, "set.toml").contains(hash));
    assert_eq!(make(&file("again.toml")), told);
    assert_eq!(text(&folder, "again.toml"), text(&folder, "set.toml"));
    let drawing = text(&folder, "set.svg");
    assert!(drawing.starts_with("<svg") && drawing.ends_with("</svg>\n"));
    assert!(drawing.contains("counter-phase") && !drawing.contains("NaN"));

    // Read from the file they lead to the same plan.
    let [made, read] = [&[][..], &["--primitives", &set]].map(|more| {
        let told = json(&across(&folder, &[&["--json"], more].concat()).stdout);
        assert_eq!(told["solved"], true);
        (told["expansions"].clone(), told["length_m"].clone())
    });
    assert_eq!(made, read);

    // For another vehicle they are none.
    let ran = across(&folder, &["--primitives", &set, "--vehicle", CAR]);
    fails(
        &ran,
        1,
        "set.toml: primitives: expected those of `car` with",
    );
    let changed = text(&folder, "set.toml").replace("cell_m = 0.2", "cell_m = 0.3");
    fs::write(folder.path().join("set.toml"), changed).unwrap();
    let ran = across(&folder, &["--primitives", &set]);
    fails(&ran, 1, "set.toml: sha256: expected");
}
