//! Detection with ONNX Runtime.

mod detect;

use detect::{broken, recorded};
use janus_perception::detect::{Inference, Runtime, RuntimeError};

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
