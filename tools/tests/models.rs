//! `janus models` and `--model NAME`.
#![allow(clippy::unwrap_used)]

mod janus;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use janus::{janus, json, said};
use tempfile::TempDir;

/// Our own detector, as if it were anybody's.
const NETWORK: &[u8] = include_bytes!("../models/janus_street.onnx");
const MANIFEST: &str = include_str!("../models/janus_street.toml");

/// A user with an empty models folder, and with models elsewhere.
struct User(TempDir);

impl User {
    fn new() -> Self {
        let user = Self(tempfile::tempdir().unwrap());
        fs::create_dir(user.path("downloads")).unwrap();
        user
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A model as it may have been downloaded.
    fn download(&self, name: &str, network: &[u8], manifest: Option<&str>) -> PathBuf {
        let file = self.path("downloads").join(name);
        fs::write(&file, network).unwrap();
        if let Some(manifest) = manifest {
            fs::write(file.with_extension("toml"), manifest).unwrap();
        }
        file
    }

    fn janus(&self) -> Command {
        let mut command = janus();
        command
            .env("JANUS_MODELS", self.path("models"))
            .env("XDG_DATA_HOME", self.path("data"));
        command
    }

    fn add(&self, file: &Path, more: &[&str]) -> Output {
        let mut command = self.janus();
        command
            .args(["models", "add", "--json"])
            .arg(file)
            .args(more);
        command.output().unwrap()
    }

    fn list(&self) -> Output {
        self.janus().args(["models", "--json"]).output().unwrap()
    }

    /// What lies in the models folder.
    fn models(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("models")).into_iter().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn the_built_in_model_is_always_there() {
    let ran = User::new().list();
    assert_eq!((ran.status.code(), said(&ran)), (Some(0), String::new()));
    let listed = json(&ran.stdout);
    let models = listed["models"].as_array().unwrap();
    assert_eq!(models.len(), 1);
    let street = &models[0];
    assert_eq!(street["name"], "street");
    assert_eq!(street["family"], "yolox");
    assert_eq!(street["input_size"], json(b"[416, 256]"));
    assert_eq!(street["classes"].as_array().unwrap().len(), 4);
    assert_eq!(street["licence"], "MIT OR Apache-2.0");
    assert!(street["file"].is_null());
}

#[test]
fn a_model_that_was_added_goes_by_its_name() {
    let user = User::new();
    let file = user.download("own.onnx", NETWORK, Some(MANIFEST));
    let ran = user.add(&file, &["--name", "town"]);
    assert_eq!((ran.status.code(), said(&ran)), (Some(0), String::new()));
    let added = json(&ran.stdout);
    assert_eq!(
        (&added["name"], &added["family"]),
        (&"town".into(), &"yolox".into())
    );
    let tried = &added["tried"];
    let found = tried["found"].as_array().unwrap();
    assert!(found.iter().any(|thing| thing["class"] == "car"), "{tried}");
    assert_eq!(tried["invalid"], 0);
    let [whole, network] = ["detect_ms", "network_ms"].map(|ms| tried[ms].as_f64().unwrap());
    assert!(whole >= network && network > 0.0, "{tried}");
    assert_eq!(user.models(), ["town.onnx", "town.toml"]);

    let listed = json(&user.list().stdout);
    let names = listed["models"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["street", "town"]);
    let [street, town] = [0, 1].map(|k| &listed["models"][k]);
    for field in [
        "family",
        "input",
        "input_size",
        "classes",
        "licence",
        "source",
    ] {
        assert_eq!(street[field], town[field], "{field}");
    }

    // By its own manifest it sees what it sees as the built-in one.
    let detections = |model: &str| {
        let out = user.path(model);
        let ran = user
            .janus()
            .args([
                "replay",
                "datasets/scenarios/crossing.toml",
                "--device",
                "cpu",
            ])
            .args(["--frames", "120..122", "--model", model, "--export"])
            .arg(&out)
            .output()
            .unwrap();
        // COCO has no vans.
        assert!(matches!(ran.status.code(), Some(0 | 3)), "{}", said(&ran));
        json(&fs::read(out.join("detections.json")).unwrap())
    };
    let seen = detections("town");
    assert!(!seen.as_array().unwrap().is_empty());
    assert_eq!(seen, detections("street"));
}

#[test]
fn what_cannot_be_added_is_told() {
    let user = User::new();
    let good = user.download("good.onnx", NETWORK, Some(MANIFEST));
    let bare = user.download("bare.onnx", NETWORK, None);
    let cut = user.download("cut.onnx", &NETWORK[..NETWORK.len() / 2], Some(MANIFEST));
    let text = user.download("text.onnx", b"# Models\n", None);
    let nowhere = user.path("nowhere.onnx");
    for (file, name, part) in [
        (
            &bare,
            "net",
            "bare.onnx: outputs: expected those of a detector of 80 classes",
        ),
        (&cut, "net", "cut.onnx: expected a whole ONNX model"),
        (
            &text,
            "net",
            "text.onnx: expected a whole ONNX model, found something else",
        ),
        (&nowhere, "net", "nowhere.onnx: "),
        (&good, "street", "--name: `street` is the built-in model"),
        (&good, "a/b", "--name: expected"),
        (&good, "net.onnx", "--name: expected"),
    ] {
        let ran = user.add(file, &["--name", name]);
        let said = said(&ran);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: ") && said.contains(part), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(ran.stdout.is_empty());
        assert_eq!(user.models(), [""; 0]);
    }
    assert!(user.add(&good, &[]).status.success());
    let again = user.add(&good, &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("a model is called `good` already"));
    assert_eq!(user.models(), ["good.onnx", "good.toml"]);
}

#[test]
fn a_broken_model_spoils_no_list() {
    let user = User::new();
    fs::create_dir(user.path("models")).unwrap();
    fs::write(user.path("models").join("text.onnx"), "# Models\n").unwrap();
    let ran = user.list();
    assert_eq!((ran.status.code(), said(&ran)), (Some(3), String::new()));
    let listed = json(&ran.stdout);
    let models = listed["models"].as_array().unwrap();
    assert_eq!((models.len(), &models[0]["name"]), (2, &"street".into()));
    let error = models[1]["error"].as_str().unwrap();
    assert!(
        error.contains("text.onnx: expected a whole ONNX model"),
        "{error}"
    );
}

#[test]
fn a_model_that_no_name_reaches_is_told() {
    let user = User::new();
    let folder = user.path("models");
    fs::create_dir(&folder).unwrap();
    let [street, copy] = ["street.onnx", "net (1).onnx"].map(|name| folder.join(name));
    fs::write(&street, NETWORK).unwrap();
    fs::write(&copy, NETWORK).unwrap();
    let ran = user.list();
    assert_eq!((ran.status.code(), said(&ran)), (Some(3), String::new()));
    let listed = json(&ran.stdout);
    assert_eq!(listed["models"].as_array().unwrap().len(), 1);
    let [first, second] = [0, 1].map(|k| &listed["nameless"][k]);
    assert_eq!(first["file"], copy.to_str().unwrap());
    assert_eq!(second["file"], street.to_str().unwrap());
    let reason = "`street` is the built-in model; expected another name";
    assert_eq!(second["reason"], reason);
}

#[test]
fn what_keeps_every_model_from_running_is_an_error() {
    let user = User::new();
    let library = user.path("libonnxruntime.so");
    let mut list = user.janus();
    list.args(["models", "--json"])
        .env("ORT_DYLIB_PATH", &library);
    let ran = list.output().unwrap();
    let said = said(&ran);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    let path = library.display();
    let told = format!("error: {path}: expected an ONNX Runtime library");
    assert!(
        said.starts_with(&told) && said.lines().count() == 1,
        "{said}"
    );
    assert!(ran.stdout.is_empty());

    // A models folder that is none.
    fs::write(user.path("models"), "").unwrap();
    let ran = user.list();
    let path = user.path("models");
    let path = path.display();
    let told =
        format!("error: {path}: the models folder cannot be read: Not a directory (os error 20)\n");
    assert_eq!((ran.status.code(), janus::said(&ran)), (Some(1), told));
}

#[test]
fn a_name_that_no_model_has_is_told_with_those_that_are() {
    let user = User::new();
    let file = user.download("own.onnx", NETWORK, Some(MANIFEST));
    assert!(user.add(&file, &[]).status.success());
    let ran = user
        .janus()
        .args([
            "replay",
            "datasets/scenarios/crossing.toml",
            "--model",
            "yolo",
        ])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let told = "error: model `yolo`: expected a file, which has a / or ends in .onnx, or one of \
                street, own\n";
    assert_eq!(said(&ran), told);
}
