//! How a network is run: at which size, on what, how many at once, how long.

use image::{Rgb, RgbImage};
use janus_perception::detect::{DetectError, Inference, InputSize};

use super::broken::THREE_CLASSES;
use super::given::Given;
use super::onnx::{self, Constant, F16, F32, Graph, Node, Port, SMALL, U8};

const ANY: [Option<u64>; 4] = [None, Some(3), None, None];
const NHWC: [Option<u64>; 4] = [Some(1), Some(32), Some(32), Some(3)];

/// Values of every type, in both layouts; sides and count that are open.
pub(crate) fn inputs(inference: Inference) {
    for (element, layout) in [
        (F32, SMALL),
        (F16, SMALL),
        (U8, SMALL),
        (F32, NHWC),
        (U8, NHWC),
        (F32, ANY),
        (F16, ANY),
    ] {
        let model = onnx::bright_yolox(element, layout);
        let mut given = Given::new(&model, Some(THREE_CLASSES), inference);
        if layout == ANY {
            given.options.input_size = Some(InputSize {
                height: 32,
                width: 32,
            });
        }
        let mut detector = given.load().expect("the network loads");
        let found = detector.detect(0, &RgbImage::from_pixel(32, 32, Rgb([50; 3])));
        let found = found.expect("the network runs").detections;
        let [found] = &found[..] else {
            panic!("{element} {layout:?}: {found:?}")
        };
        assert_eq!(found.class, 1);
        assert!((found.score - 0.5).abs() < 1e-3, "{}", found.score);
        let apart = found.bbox.iter().zip([8.0, 8.0, 24.0, 24.0]);
        assert!(
            apart.into_iter().all(|(a, b)| (a - b).abs() < 0.02),
            "{:?}",
            found.bbox
        );
    }
}

/// A model made for one size, at another, as far as it lends itself to that.
pub(crate) fn sizes(inference: Inference) {
    // Its rows are a constant: at another size there are too few of them.
    let model = onnx::bright_yolox(F32, SMALL);
    let mut given = Given::new(&model, Some(THREE_CLASSES), inference);
    given.options.input_size = Some(InputSize {
        height: 64,
        width: 32,
    });
    let refusal = given.refusal();
    let said = "net.onnx: outputs: expected yolox [42, 8] for each picture, as the manifest states";
    assert!(refusal.starts_with(said), "{refusal}");

    // One that runs at any size keeps its own.
    let rows = Constant {
        name: "output",
        element: F32,
        shape: &[1, 2, 6],
        values: vec![0.0; 12],
    };
    let model = onnx::constant(Port("", F32, &SMALL), &[rows]);
    let mut given = Given::new(&model, None, inference);
    given.options.input_size = Some(InputSize {
        height: 64,
        width: 48,
    });
    let detector = given.load().expect("the network loads");
    assert_eq!(detector.input_size(), [48, 64]);
    let manifest = toml::Value::try_from(detector.manifest()).expect("is TOML");
    let own = toml::Value::from(vec![32, 32]);
    assert_eq!(manifest["input"]["size"], own);

    // A network that adds up what only its own size lets be added.
    let fixed = Graph {
        nodes: &[Node("Add", &["images", "weights"], &["output"], &[])],
        constants: &[("weights", &[1, 3, 32, 32], &[0.0; 3 * 32 * 32])],
        inputs: &[Port("images", F32, &SMALL)],
        outputs: &[Port("output", F32, &SMALL)],
    };
    let mut given = Given::new(&fixed.encode(), None, inference);
    given.options.input_size = Some(InputSize {
        height: 64,
        width: 48,
    });
    match given.load() {
        Err(error @ DetectError::InputSize { .. }) => {
            assert!(
                error.to_string().ends_with("cannot be run at 64x48"),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// Several pictures, together or in turn: each has its own boxes, and one
/// that cannot be looked at does not harm the others.
pub(crate) fn batches(inference: Inference) {
    let together = inference == Inference::OnnxRuntime;
    for (layout, batch, shared) in [
        (SMALL, 8, false),
        (ANY, 8, false),
        (ANY, 3, false),
        (ANY, 1, false),
        (ANY, 8, true),
        (ANY, 3, true),
        (ANY, 1, true),
    ] {
        let model = match shared {
            // What was in a run with it shows in each picture's score.
            true => onnx::brightest_yolox(layout),
            false => onnx::bright_yolox(F32, layout),
        };
        let mut given = Given::new(&model, Some(THREE_CLASSES), inference);
        given.options.batch = batch;
        given.options.input_size = Some(InputSize {
            height: 32,
            width: 32,
        });
        given.options.score_threshold = 0.05;
        let mut detector = given.load().expect("the network loads");
        // More than fit in one run.
        let grey = |value| RgbImage::from_pixel(32, 32, Rgb([value; 3]));
        let mut pictures: Vec<RgbImage> = (1..=10).map(|i| grey(i * 10)).collect();
        pictures[4] = RgbImage::new(0, 0);
        let of_cameras: Vec<(usize, &RgbImage)> = pictures.iter().enumerate().collect();
        let found = detector.detect_batch(&of_cameras);
        assert_eq!(found.len(), 10);
        for (camera, found) in found.into_iter().enumerate() {
            if camera == 4 {
                assert!(matches!(found, Err(DetectError::Picture { .. })));
                continue;
            }
            let found = found.expect("the network runs").detections;
            let [found] = &found[..] else {
                panic!("{layout:?} {camera}: {found:?}")
            };
            assert_eq!(found.camera, camera);
            // Each picture is brighter than those before.
            let last = match shared && together {
                true => (camera / batch * batch + batch).min(10),
                false => camera + 1,
            };
            let expected = 0.1 * last as f32;
            assert!(
                (found.score - expected).abs() < 1e-5,
                "{batch} {camera}: {}",
                found.score
            );
        }
        assert!(detector.detect_batch(&[]).is_empty());
    }
}

/// The whole picture and its tiles: what all of them see is one.
pub(crate) fn tiles(inference: Inference) {
    let model = onnx::bright_yolox(F32, SMALL);
    let mut given = Given::new(&model, Some(THREE_CLASSES), inference);
    given.options.tiles = Some("1x2,0".parse().expect("tiles"));
    let mut detector = given.load().expect("the network loads");
    // Dark to the left, bright to the right; the network sees a box in the
    // middle of whatever is bright enough.
    let picture = RgbImage::from_fn(64, 32, |x, _| Rgb([if x < 32 { 10 } else { 90 }; 3]));
    let found = detector.detect(0, &picture).expect("the network runs");
    let places: Vec<[i32; 4]> = (found.detections.iter())
        .map(|d| d.bbox.map(|v| v.round() as i32))
        .collect();
    assert_eq!(places, [[40, 8, 56, 24], [16, 16, 48, 32]]);
}

/// Providers that this build of the runtime does not have.
pub(crate) fn providers(inference: Inference) {
    let model = onnx::bright_yolox(F32, SMALL);
    let mut given = Given::new(&model, Some(THREE_CLASSES), inference);
    for (provider, needs) in [
        ("cuda,device_id=0", "onnxruntime-gpu"),
        ("tensorrt", "TensorRT"),
        ("coreml", "macOS"),
        ("directml", "onnxruntime-directml"),
        ("openvino", "onnxruntime-openvino"),
        ("xnnpack", "--use_xnnpack"),
    ] {
        given.options.execution_provider = provider.parse().expect("a provider");
        let there = given.load().err();
        let Some(DetectError::Provider {
            name, needs: said, ..
        }) = &there
        else {
            panic!("{provider}: {there:?}")
        };
        assert_eq!(name, provider);
        assert!(said.contains(needs), "{said}");
    }
    given.options.execution_provider = "cpu,fast=1".parse().expect("a provider");
    assert!(matches!(given.load(), Err(DetectError::Option { .. })));
}

/// A network that takes too long, and one that does not.
pub(crate) fn time_limit(inference: Inference) {
    let mut given = Given::new(&onnx::slow(20), Some(THREE_CLASSES), inference);
    given.options.time_limit_ms = Some(1.0);
    let mut detector = given.load().expect("the network loads");
    let picture = RgbImage::new(32, 32);
    for _ in 0..2 {
        let error = detector.detect(0, &picture).expect_err("too late");
        assert!(matches!(error, DetectError::TimedOut { .. }), "{error}");
    }
    given.options.time_limit_ms = Some(3.6e6);
    let mut detector = given.load().expect("the network loads");
    detector.detect(0, &picture).expect("in time");
}
