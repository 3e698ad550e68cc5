//! Models that are none, and pictures of odd sizes.

use std::fs;
use std::path::PathBuf;

use image::{Rgb, RgbImage};
use janus_perception::detect::{DetectError, Detector, DetectorOptions, Inference};
use tempfile::TempDir;

use super::onnx;

/// A folder with one model, and perhaps a manifest.
struct Given {
    folder: TempDir,
    options: DetectorOptions,
}

impl Given {
    fn new(model: &[u8], manifest: Option<&str>, inference: Inference) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("net.onnx"), model).expect("a writable folder");
        if let Some(text) = manifest {
            fs::write(folder.path().join("net.toml"), text).expect("a writable folder");
        }
        let options = DetectorOptions {
            inference,
            threads: 1,
            ..DetectorOptions::default()
        };
        Self { folder, options }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("net.onnx")
    }

    fn load(&self) -> Result<Detector, DetectError> {
        Detector::load(&self.path(), &self.options)
    }

    /// Loads what must not load; the error's sentence after the file's name.
    fn refusal(&self) -> String {
        let text = match self.load() {
            Ok(_) => panic!("a broken model loads"),
            Err(error) => error.to_string(),
        };
        let folder = format!("{}/", self.folder.path().display());
        (text.strip_prefix(&folder))
            .unwrap_or_else(|| panic!("{text:?} does not begin with the file"))
            .to_owned()
    }
}

const THREE_CLASSES: &str = "family = \"yolox\"\nclasses = [\"a\", \"b\", \"c\"]\n";

/// Files that are not models at all.
pub(crate) fn files(inference: Inference) {
    let whole = onnx::relu(&[Some(1), Some(3), Some(32), Some(32)]);
    for (bytes, said) in [
        (&b""[..], "an empty file"),
        (b"# Models\n\nDownload them.\n", "something else"),
        (&[0; 4096], "something else"),
        (&whole[..whole.len() / 2], "a field at byte"),
        (&whole[..whole.len() - 1], "a field at byte"),
    ] {
        let refusal = Given::new(bytes, None, inference).refusal();
        let expected = format!("net.onnx: expected a whole ONNX model, found {said}");
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
    let given = Given::new(b"", None, inference);
    fs::remove_file(given.path()).expect("a writable folder");
    assert!(matches!(given.load(), Err(DetectError::Io { .. })));
}

/// A model whose messages are whole, with an output that nothing computes,
/// and one with an operation that nobody knows.
pub(crate) fn graph(inference: Inference) {
    let whole = onnx::relu(&[Some(1), Some(3), Some(32), Some(32)]);
    let mut dangling = whole.clone();
    let place = whole.windows(6).rposition(|w| w == b"output");
    dangling[place.expect("the output's name")] = b'X';
    let refusal = Given::new(&dangling, None, inference).refusal();
    assert!(
        refusal.ends_with("found an output \"Xutput\" that nothing computes"),
        "{refusal}"
    );

    let mut broken = whole.clone();
    let place = whole.windows(4).position(|w| w == b"Relu");
    broken[place.expect("the operation")] = b'X';
    let refusal = Given::new(&broken, None, inference).refusal();
    assert!(
        refusal.starts_with("net.onnx: the inference runtime does not load"),
        "{refusal}"
    );
}

/// Inputs and outputs that no known family has.
pub(crate) fn forms(inference: Inference) {
    let relu = |sides: [u64; 4]| onnx::relu(&sides.map(Some));
    for (model, manifest, said) in [
        (
            relu([1, 3, 416, 416]),
            None,
            "net.onnx: outputs: expected one, f32 [1, 3549, 85] (YOLOX with COCO's 80 classes, or \
             a manifest that states another form), found \"output\" Tensor<f32>(1, 3, 416, 416)",
        ),
        (
            relu([1, 3, 416, 416]),
            Some(THREE_CLASSES),
            "net.onnx: outputs: expected one, f32 [1, 3549, 8] (as the manifest states it), found",
        ),
        (
            relu([1, 1, 416, 416]),
            None,
            "net.onnx: inputs: expected one, f32 [1, 3, height",
        ),
        (
            relu([1, 3, 416, 400]),
            None,
            "net.onnx: inputs: expected one, f32 [1, 3, height",
        ),
        (
            relu([1, 3, 65_536, 32]),
            None,
            "net.onnx: inputs: expected one, f32 [1, 3, height",
        ),
        (
            onnx::constant_yolox(&[]),
            None,
            "net.onnx: outputs: expected one, f32 [1, 21, 85] (YOLOX",
        ),
        (
            onnx::constant_yolox(&[]),
            Some("family = \"yolox\"\ninput.size = [64, 32]"),
            "net.onnx: input size: expected [64, 32], as the manifest states it, found [32, 32]",
        ),
        (
            onnx::constant_yolox(&[]),
            Some("familly = \"yolox\""),
            "net.toml: line 1: unknown field `familly`",
        ),
    ] {
        let refusal = Given::new(&model, manifest, inference).refusal();
        assert!(refusal.starts_with(said), "{refusal}");
    }
}

/// An output that is declared open, and turns out to be another one.
pub(crate) fn output(inference: Inference) {
    let given = Given::new(&onnx::places(32), Some(THREE_CLASSES), inference);
    let mut detector = given.load().expect("the network loads");
    let grey = RgbImage::from_pixel(32, 32, Rgb([1; 3]));
    let error = detector.detect(0, &grey).expect_err("another shape");
    assert!(matches!(error, DetectError::Output { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("expected f32 [1, 21, 8], found Tensor<f32>(1, 21, 3072)"),
        "{text}"
    );
}

/// Boxes come back in pictures of any size, within the picture.
pub(crate) fn pictures(inference: Inference) {
    // The middle cell of the coarsest grid: a box of 16 pixels around (16, 16).
    let half = 0.5_f32.ln();
    let rows = [
        (20, [0.5, 0.5, half, half, 0.9, 0.1, 1.0, 0.2]),
        (0, [0.5, 0.5, 0.0, 0.0, f32::NAN, 1.0, 1.0, 1.0]),
    ];
    let given = Given::new(&onnx::constant_yolox(&rows), Some(THREE_CLASSES), inference);
    let mut detector = given.load().expect("the network loads");
    assert_eq!(detector.classes(), ["a", "b", "c"]);

    for ((width, height), boxes) in [
        ((32, 32), vec![[8.0, 8.0, 24.0, 24.0]]),
        ((64, 64), vec![[16.0, 16.0, 48.0, 48.0]]),
        ((64, 32), vec![[16.0, 16.0, 48.0, 32.0]]),
        ((1, 1), vec![[0.25, 0.25, 0.75, 0.75]]),
        // Only padding where the box is.
        ((20_000, 1), vec![]),
        ((1, 20_000), vec![]),
    ] {
        let (found, _) = (detector.detect(3, &RgbImage::new(width, height)))
            .unwrap_or_else(|e| panic!("{width}x{height}: {e}"));
        let places: Vec<[f32; 4]> = found.iter().map(|d| d.bbox).collect();
        assert_eq!(places.len(), boxes.len(), "{width}x{height}: {places:?}");
        for (place, expected) in places.iter().zip(&boxes) {
            let apart = place.iter().zip(expected).map(|(a, b)| (a - b).abs());
            assert!(
                apart.into_iter().all(|d| d < 1e-3),
                "{width}x{height}: {place:?}"
            );
        }
        assert!(
            found
                .iter()
                .all(|d| (d.camera, d.class) == (3, 1) && d.score == 0.9)
        );
    }

    let error = detector
        .detect(0, &RgbImage::new(0, 7))
        .expect_err("no pixels");
    assert!(matches!(error, DetectError::Picture { .. }), "{error}");
}
