//! Detection with ONNX Runtime.

mod detect;

use detect::given::Given;
use detect::{broken, families, onnx, recorded, running};
use janus_perception::detect::{DetectorOptions, Inference, Runtime, RuntimeError};

const INFERENCE: Inference = Inference::OnnxRuntime;

/// Whether to test: where there is recorded data, the library must be there
/// as well.
fn wanted() -> bool {
    match Runtime::start(INFERENCE) {
        Ok(_) => true,
        Err(RuntimeError::NotFound) if recorded::data().is_none() => {
            eprintln!("skipped: no ONNX Runtime library");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn detections_are_those_of_the_reference() {
    if wanted()
        && let Some(data) = recorded::data()
    {
        recorded::compare(&data, INFERENCE);
    }
}

#[test]
fn a_process_has_one_runtime() {
    if !wanted() {
        return;
    }
    let runtime = Runtime::start(INFERENCE).expect("it runs already");
    assert!(runtime.library().is_some());
    assert!(runtime.to_string().starts_with("ONNX Runtime"));
    assert!(runtime.providers().contains(&"CPUExecutionProvider"));
    let again = Runtime::start(Inference::Auto).expect("it runs already");
    assert!(std::ptr::eq(runtime, again));
    let other = Runtime::start(Inference::Embedded);
    assert!(matches!(other, Err(RuntimeError::Taken { .. })));
}

#[test]
fn files_that_are_no_models_are_refused() {
    if wanted() {
        broken::files(INFERENCE);
    }
}

#[test]
fn broken_graphs_are_refused() {
    if wanted() {
        broken::graph(INFERENCE);
    }
}

#[test]
fn models_of_unknown_form_are_refused() {
    if wanted() {
        broken::forms(INFERENCE);
    }
}

#[test]
fn an_output_of_another_shape_is_an_error() {
    if wanted() {
        broken::output(INFERENCE);
    }
}

#[test]
fn pictures_may_have_any_size() {
    if wanted() {
        broken::pictures(INFERENCE);
    }
}

#[test]
fn rows_of_yolov5_are_decoded() {
    if wanted() {
        families::yolov5(INFERENCE);
    }
}

#[test]
fn rows_that_are_decoded_are_told_by_their_values() {
    if wanted() {
        families::decoded_rows(INFERENCE);
    }
}

#[test]
fn what_is_understood_makes_a_manifest() {
    if wanted() {
        families::manifests(INFERENCE);
    }
}

/// What the embedded runtime lacks, which is why it refuses the model.
#[test]
fn an_operator_that_the_other_runtime_lacks_runs() {
    if wanted() {
        let refusal = Given::new(&onnx::determinant(), None, INFERENCE).refusal();
        let said = "net.onnx: outputs: expected those of a detector of 80 classes";
        assert!(refusal.starts_with(said), "{refusal}");
    }
}

#[test]
fn values_that_cannot_be_are_counted() {
    if wanted() {
        broken::values(INFERENCE);
    }
}

#[test]
fn columns_of_yolov8_are_decoded() {
    if wanted() {
        families::yolov8(INFERENCE);
    }
}

#[test]
fn distributions_of_nanodet_are_decoded() {
    if wanted() {
        families::nanodet(INFERENCE);
    }
}

#[test]
fn planes_of_fastestdet_are_decoded() {
    if wanted() {
        families::fastestdet(INFERENCE);
    }
}

#[test]
fn queries_of_detr_are_decoded() {
    if wanted() {
        families::detr(INFERENCE);
    }
}

#[test]
fn boxes_are_scaled_to_the_size_that_is_given() {
    if wanted() {
        families::scaled(INFERENCE);
    }
}

#[test]
fn boxes_of_ssd_are_decoded() {
    if wanted() {
        families::ssd(INFERENCE);
    }
}

#[test]
fn inputs_may_have_every_form() {
    if wanted() {
        running::inputs(INFERENCE);
    }
}

#[test]
fn another_size_must_suit_the_network() {
    if wanted() {
        running::sizes(INFERENCE);
    }
}

#[test]
fn several_pictures_are_looked_at_together() {
    if wanted() {
        running::batches(INFERENCE);
    }
}

#[test]
fn tiles_see_what_the_whole_does_not() {
    if wanted() {
        running::tiles(INFERENCE);
    }
}

#[test]
fn a_provider_that_is_missing_is_an_error() {
    if wanted() {
        running::providers(INFERENCE);
    }
}

#[test]
fn a_run_may_be_too_late() {
    if wanted() {
        running::time_limit(INFERENCE);
    }
}

#[test]
fn a_network_without_end_is_refused() {
    if wanted() {
        let mut given = Given::new(&onnx::endless(), None, INFERENCE);
        given.options.load_limit_ms = 50.0;
        let said = "net.onnx: the network took longer than 50ms";
        assert_eq!(given.refusal(), said);
    }
}

/// Which the embedded runtime does not even look at.
#[test]
fn what_runs_over_nothing_is_refused() {
    if wanted() {
        let refusal = Given::new(&onnx::recurrent(), None, INFERENCE).refusal();
        let said = "net.onnx: the inference runtime does not load this model: ";
        assert!(refusal.starts_with(said), "{refusal}");
    }
}

#[test]
fn other_families_see_the_same_cars() {
    if wanted()
        && let Some(data) = recorded::data()
    {
        let models = ["nanodet_g_coco_416.onnx", "fastestdet_coco_352.onnx"];
        recorded::families(&data, INFERENCE, &models);
    }
}

/// A picture as large as it was taken shows cars that a small one does not,
/// and so do its parts.
#[test]
fn more_is_seen_in_larger_pictures() {
    let Some(data) = recorded::data().filter(|_| wanted()) else {
        return;
    };
    let cars = |input_size: Option<&str>, tiles: Option<&str>| {
        let options = DetectorOptions {
            inference: INFERENCE,
            input_size: input_size.map(|size| size.parse().expect("a size")),
            tiles: tiles.map(|tiles| tiles.parse().expect("tiles")),
            ..DetectorOptions::default()
        };
        let model = "yolox_nano_coco_416.onnx";
        let found = recorded::look(&data, model, options, "0000000040.png").detections;
        found.iter().filter(|d| d.class == recorded::CAR).count()
    };
    let small = cars(None, None);
    assert!(cars(Some("384x1248"), None) > small);
    assert!(cars(None, Some("1x3")) > small);
}
