//! Models that are none, and pictures of odd sizes.

use std::fs;

use image::{Rgb, RgbImage};
use janus_perception::detect::{DetectError, Inference};

use super::given::Given;
use super::onnx::{self, Constant, F32, I64, Port, SMALL};

pub(crate) const THREE_CLASSES: &str = "family = \"yolox\"\nclasses = [\"a\", \"b\", \"c\"]\n";

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
        refusal.starts_with("net.onnx: the inference runtime does not load")
            && refusal.contains("Xelu"),
        "{refusal}"
    );
}

/// Inputs and outputs that no known family has.
pub(crate) fn forms(inference: Inference) {
    let relu = |sides: [u64; 4]| onnx::relu(&sides.map(Some));
    let given = |element, shape: &[u64]| {
        let values = vec![0.0; shape.iter().product::<u64>() as usize];
        let output = Constant {
            name: "output",
            element,
            shape,
            values,
        };
        onnx::constant(Port("picture", F32, &SMALL), &[output])
    };
    let inputs = "net.onnx: inputs: expected a picture, f32, f16 or u8 [1, 3, height, width] or";
    for (model, manifest, said) in [
        (
            relu([1, 3, 416, 416]),
            None,
            "net.onnx: outputs: expected those of a detector of 80 classes (yolox [3549, 85]; \
             yolov5 [10647, 85]; yolov8 [84, 3549]; nanodet three [n, 80] and three [n, 4 bins]; \
             fastestdet [85, 26, 26]; detr boxes [n, 4] and logits [n, 80]; ssd boxes, labels and \
             scores), or a manifest that states others, found \"output\" [1, 3, 416, 416]",
        ),
        (
            relu([1, 3, 416, 416]),
            Some(THREE_CLASSES),
            "net.onnx: outputs: expected yolox [3549, 8] for each picture, as the manifest states \
             it with 3 classes, found",
        ),
        (relu([1, 1, 416, 416]), None, inputs),
        // Of another rank, and of another type.
        (onnx::relu(&[3, 416, 416].map(Some)), None, inputs),
        (
            onnx::constant(Port("picture", onnx::F64, &SMALL), &[]),
            None,
            inputs,
        ),
        (
            relu([1, 3, 65_536, 32]),
            None,
            "net.onnx: input size: expected sides up to 8192",
        ),
        // A classifier: no boxes.
        (given(F32, &[1, 1000]), None, "net.onnx: outputs: expected"),
        // Classes that are not those of the manifest.
        (
            onnx::constant_yolox(&[]),
            Some("classes = [\"a\", \"b\"]"),
            "net.onnx: outputs: expected those of a detector of 2 classes (yolox [21, 7]",
        ),
        (
            onnx::constant_yolox(&[]),
            Some("classes = [\"a\", \"b\", \"c\"]\noutput.boxes = \"relative\""),
            "net.onnx: the manifest's output.boxes: expected \"cells\" of this yolox, found \
             \"relative\"",
        ),
        (
            onnx::constant_yolox(&[]),
            Some("classes = [\"a\", \"b\", \"c\"]\noutput.labels = \"from-one\""),
            "net.onnx: the manifest's output.labels: expected \"from-zero\" of this yolox, found",
        ),
        (
            given(F32, &[1, 7, 21]),
            Some("classes = [\"a\", \"b\", \"c\"]\noutput.boxes = \"relative\""),
            "net.onnx: the manifest's output.boxes: expected \"pixels\" of this yolov8, found",
        ),
        (
            given(F32, &[1, 8, 2, 2]),
            Some("classes = [\"a\", \"b\", \"c\"]\noutput.boxes = \"cells\""),
            "net.onnx: the manifest's output.boxes: expected nothing of this fastestdet, found",
        ),
        (
            given(F32, &[1, 2, 6]),
            Some("output.boxes = \"cells\""),
            "net.onnx: the manifest's output.boxes: expected \"pixels\" of this ssd, found",
        ),
        (
            onnx::constant_yolox(&[]),
            Some("family = \"detr\""),
            "net.onnx: outputs: expected detr",
        ),
        (
            given(I64, &[1, 21, 8]),
            Some("family = \"yolov8\"\nclasses = [\"a\", \"b\", \"c\"]"),
            "net.onnx: outputs: expected yolov8 [7, 21]",
        ),
        (
            given(onnx::U8, &[1, 21, 8]),
            Some(THREE_CLASSES),
            "net.onnx: outputs: expected numbers, found \"output\" Tensor<u8>",
        ),
        (
            onnx::constant_yolox(&[]),
            None,
            "net.onnx: outputs: expected those of a detector of 80 classes (yolox [21, 85]",
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

/// Boxes that are no numbers, or so large that they cannot be: dropped,
/// counted, and no harm to others.
pub(crate) fn values(inference: Inference) {
    let good = [0.5, 0.5, 0.0, 0.0, 0.9, 0.1, 1.0, 0.2];
    let poisoned = |column: usize, value: f32| {
        let mut row = good;
        row[column] = value;
        row
    };
    let bad = [
        poisoned(0, f32::NAN),
        poisoned(2, f32::INFINITY),
        poisoned(7, f32::NEG_INFINITY),
        poisoned(0, 1e30),
        poisoned(3, 80.0),
        poisoned(4, 1e30),
        poisoned(6, f32::NAN),
    ];
    let rows: Vec<_> = (0..).zip(bad).chain([(20, good)]).collect();
    let given = Given::new(&onnx::constant_yolox(&rows), Some(THREE_CLASSES), inference);
    let mut detector = given.load().expect("the network loads");
    let found = detector.detect(0, &RgbImage::new(32, 32));
    let found = found.expect("the network runs");
    assert_eq!(found.invalid, bad.len() as u64);
    let [found] = &found.detections[..] else {
        panic!("{found:?}")
    };
    assert_eq!((found.class, found.score), (1, 0.9));
}

/// An output that turns out to be another one than it was at first.
pub(crate) fn output(inference: Inference) {
    let given = Given::new(&onnx::places(32), Some(THREE_CLASSES), inference);
    let mut detector = given.load().expect("the network loads");
    let black = RgbImage::new(32, 32);
    detector
        .detect(0, &black)
        .expect("the shape it had at first");
    let grey = RgbImage::from_pixel(32, 32, Rgb([1; 3]));
    let error = detector.detect(0, &grey).expect_err("another shape");
    assert!(matches!(error, DetectError::Output { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("expected [[21, 8]] for each picture, found \"output\" [1, 3093, 8]"),
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
        let found = (detector.detect(3, &RgbImage::new(width, height)))
            .unwrap_or_else(|e| panic!("{width}x{height}: {e}"));
        assert_eq!(found.invalid, 1);
        let found = found.detections;
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
