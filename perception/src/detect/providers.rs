//! The execution providers that ONNX Runtime's library was built with.

use ort::ep::ExecutionProvider;
use ort::session::builder::SessionBuilder;

/// ONNX Runtime's names for the providers that are looked for.
const NAMES: [&str; 12] = [
    "TensorrtExecutionProvider",
    "NvTensorRTRTXExecutionProvider",
    "CUDAExecutionProvider",
    "MIGraphXExecutionProvider",
    "ROCMExecutionProvider",
    "OpenVINOExecutionProvider",
    "DmlExecutionProvider",
    "CoreMLExecutionProvider",
    "QNNExecutionProvider",
    "WebGpuExecutionProvider",
    "XnnpackExecutionProvider",
    "CPUExecutionProvider",
];

/// The provider at this place in [`NAMES`].
struct Provider<const PLACE: usize>;

impl<const PLACE: usize> ExecutionProvider for Provider<PLACE> {
    const NAME: &'static str = NAMES[PLACE];

    fn register(&self, _: &mut SessionBuilder) -> ort::Result<()> {
        Err(ort::Error::new(format!("{} is only listed", Self::NAME)))
    }
}

/// The names of the providers that the loaded library has, from the most
/// specialised to the CPU.
pub(super) fn available() -> Vec<&'static str> {
    let asked = [
        Provider::<0>::is_available,
        Provider::<1>::is_available,
        Provider::<2>::is_available,
        Provider::<3>::is_available,
        Provider::<4>::is_available,
        Provider::<5>::is_available,
        Provider::<6>::is_available,
        Provider::<7>::is_available,
        Provider::<8>::is_available,
        Provider::<9>::is_available,
        Provider::<10>::is_available,
        Provider::<11>::is_available,
    ];
    let answers = NAMES.iter().zip(asked);
    answers
        .filter_map(|(name, is_available)| matches!(is_available(), Ok(true)).then_some(*name))
        .collect()
}
