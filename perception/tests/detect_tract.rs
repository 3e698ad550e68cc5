//! Detection with the embedded runtime.

mod detect;

use detect::{broken, recorded};
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
