//! Detection with the embedded runtime.

mod detect;

use detect::given::Given;
use detect::{broken, families, onnx, recorded, running};
use janus_perception::detect::{Inference, Runtime, RuntimeError};

const INFERENCE: Inference = Inference::Embedded;

#[test]
fn detections_are_those_of_the_reference() {
    if let Some(data) = recorded::data() {
        recorded::compare(&data, INFERENCE);
    }
}

#[test]
fn a_process_has_one_runtime() {
    let runtime = Runtime::start(INFERENCE).expect("it is built in");
    assert_eq!(runtime.to_string(), "tract (embedded)");
    assert_eq!((runtime.library(), runtime.version()), (None, None));
    assert_eq!(runtime.providers(), ["tract"]);
    let again = Runtime::start(Inference::Auto).expect("it runs already");
    assert!(std::ptr::eq(runtime, again));
    let other = Runtime::start(Inference::OnnxRuntime);
    assert!(matches!(other, Err(RuntimeError::Taken { .. })));
}

#[test]
fn files_that_are_no_models_are_refused() {
    broken::files(INFERENCE);
}

#[test]
fn broken_graphs_are_refused() {
    broken::graph(INFERENCE);
}

#[test]
fn models_of_unknown_form_are_refused() {
    broken::forms(INFERENCE);
}

#[test]
fn an_output_of_another_shape_is_an_error() {
    broken::output(INFERENCE);
}

#[test]
fn pictures_may_have_any_size() {
    broken::pictures(INFERENCE);
}

#[test]
fn rows_of_yolov5_are_decoded() {
    families::yolov5(INFERENCE);
}

#[test]
fn rows_that_are_decoded_are_told_by_their_values() {
    families::decoded_rows(INFERENCE);
}

#[test]
fn what_is_understood_makes_a_manifest() {
    families::manifests(INFERENCE);
}

#[test]
fn values_that_cannot_be_are_counted() {
    broken::values(INFERENCE);
}

#[test]
fn columns_of_yolov8_are_decoded() {
    families::yolov8(INFERENCE);
}

#[test]
fn distributions_of_nanodet_are_decoded() {
    families::nanodet(INFERENCE);
}

#[test]
fn planes_of_fastestdet_are_decoded() {
    families::fastestdet(INFERENCE);
}

#[test]
fn queries_of_detr_are_decoded() {
    families::detr(INFERENCE);
}

#[test]
fn boxes_are_scaled_to_the_size_that_is_given() {
    families::scaled(INFERENCE);
}

#[test]
fn boxes_of_ssd_are_decoded() {
    families::ssd(INFERENCE);
}

#[test]
fn inputs_may_have_every_form() {
    running::inputs(INFERENCE);
}

#[test]
fn another_size_must_suit_the_network() {
    running::sizes(INFERENCE);
}

#[test]
fn several_pictures_are_looked_at_together() {
    running::batches(INFERENCE);
}

#[test]
fn tiles_see_what_the_whole_does_not() {
    running::tiles(INFERENCE);
}

#[test]
fn a_provider_that_is_missing_is_an_error() {
    running::providers(INFERENCE);
}

#[test]
fn a_run_may_be_too_late() {
    running::time_limit(INFERENCE);
}

#[test]
fn other_families_see_the_same_cars() {
    if let Some(data) = recorded::data() {
        recorded::families(&data, INFERENCE, &["fastestdet_coco_352.onnx"]);
    }
}

/// It would panic, and the process would end.
#[test]
fn what_runs_over_sequences_is_refused() {
    let refusal = Given::new(&onnx::recurrent(), None, INFERENCE).refusal();
    let said = "net.onnx: expected a whole ONNX model, found the operation LSTM, which";
    assert!(refusal.starts_with(said), "{refusal}");
}

/// One that might never end is among them.
#[test]
fn an_operator_that_the_runtime_lacks_is_named() {
    for (model, operator) in [(onnx::determinant(), "Det"), (onnx::endless(), "Loop")] {
        let refusal = Given::new(&model, None, INFERENCE).refusal();
        let said = "net.onnx: the inference runtime does not load this model: ";
        assert!(
            refusal.starts_with(said) && refusal.contains(operator),
            "{refusal}"
        );
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
    }
}
