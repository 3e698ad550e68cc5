//! Execution providers: what ONNX Runtime runs a network on.

use std::fmt;
use std::str::FromStr;

use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider, ExecutionProviderDispatch};
use ort::session::builder::SessionBuilder;
use serde::{Deserialize, Serialize};

/// What the runtime runs a network on, and with which options; in writing
/// `NAME[,KEY=VALUE...]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExecutionProvider {
    /// Which one.
    pub name: ProviderName,
    /// Keys and values, as ONNX Runtime's documentation of the provider has
    /// them.
    pub options: Vec<(String, String)>,
}

/// An execution provider that can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProviderName {
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA GPUs.
    Cuda,
    /// NVIDIA GPUs, with a network compiled for the one that is there.
    TensorRt,
    /// Apple's.
    CoreMl,
    /// Windows' on DirectX 12.
    DirectMl,
    /// Intel's.
    OpenVino,
    /// XNNPACK, on the processor.
    Xnnpack,
}

impl ProviderName {
    const ALL: [Self; 7] = [
        Self::Cpu,
        Self::Cuda,
        Self::TensorRt,
        Self::CoreMl,
        Self::DirectMl,
        Self::OpenVino,
        Self::Xnnpack,
    ];

    /// The name by which it is asked for.
    fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::CoreMl => "coreml",
            Self::DirectMl => "directml",
            Self::OpenVino => "openvino",
            Self::Xnnpack => "xnnpack",
        }
    }

    /// ONNX Runtime's name for it.
    pub(super) fn full_name(self) -> &'static str {
        match self {
            Self::Cpu => "CPUExecutionProvider",
            Self::Cuda => "CUDAExecutionProvider",
            Self::TensorRt => "TensorrtExecutionProvider",
            Self::CoreMl => "CoreMLExecutionProvider",
            Self::DirectMl => "DmlExecutionProvider",
            Self::OpenVino => "OpenVINOExecutionProvider",
            Self::Xnnpack => "XnnpackExecutionProvider",
        }
    }

    /// What has to be there for it, for the end of a sentence.
    pub(super) fn needs(self) -> &'static str {
        match self {
            Self::Cpu => "nothing",
            Self::Cuda => {
                "the library of the package onnxruntime-gpu with its libonnxruntime_providers_* \
                 beside it, NVIDIA's driver, CUDA and cuDNN"
            }
            Self::TensorRt => {
                "the library of the package onnxruntime-gpu with its libonnxruntime_providers_* \
                 beside it, NVIDIA's driver, CUDA and TensorRT"
            }
            Self::CoreMl => "the library of the package onnxruntime for macOS",
            Self::DirectMl => "the library of the package onnxruntime-directml, on Windows",
            Self::OpenVino => "the library of the package onnxruntime-openvino, and OpenVINO",
            Self::Xnnpack => "an ONNX Runtime built with --use_xnnpack",
        }
    }
}

impl ExecutionProvider {
    /// The provider as a session takes it.
    ///
    /// # Errors
    /// The first option that it does not have.
    pub(super) fn dispatch(&self) -> Result<ExecutionProviderDispatch, String> {
        let built = match self.name {
            ProviderName::Cpu => cpu(&self.options)?,
            ProviderName::Cuda => configured(ep::CUDA::default(), &self.options).build(),
            ProviderName::TensorRt => configured(ep::TensorRT::default(), &self.options).build(),
            ProviderName::CoreMl => configured(ep::CoreML::default(), &self.options).build(),
            ProviderName::DirectMl => directml(&self.options)?,
            ProviderName::OpenVino => configured(ep::OpenVINO::default(), &self.options).build(),
            ProviderName::Xnnpack => configured(ep::XNNPACK::default(), &self.options).build(),
        };
        Ok(built.error_on_failure())
    }
}

fn configured<P: ArbitrarilyConfigurableExecutionProvider>(
    provider: P,
    options: &[(String, String)],
) -> P {
    options.iter().fold(provider, |provider, (key, value)| {
        provider.with_arbitrary_config(key, value)
    })
}

fn cpu(options: &[(String, String)]) -> Result<ExecutionProviderDispatch, String> {
    match options.first() {
        None => Ok(ep::CPU::default().with_arena_allocator(true).build()),
        Some((key, _)) => Err(format!("no options, found {key:?}")),
    }
}

fn directml(options: &[(String, String)]) -> Result<ExecutionProviderDispatch, String> {
    let mut provider = ep::DirectML::default();
    for (key, value) in options {
        provider = match (key.as_str(), value.parse()) {
            ("device_id", Ok(number)) => provider.with_device_id(number),
            _ => return Err(format!("device_id=NUMBER, found \"{key}={value}\"")),
        };
    }
    Ok(provider.build())
}

impl FromStr for ExecutionProvider {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(',').unwrap_or((text, ""));
        let mut names = ProviderName::ALL.into_iter();
        let Some(name) = names.find(|name| name.word() == word.trim()) else {
            let words = ProviderName::ALL.map(ProviderName::word).join(", ");
            return Err(format!("expected one of {words}, found {word:?}"));
        };
        let pairs = rest.split(',').map(str::trim).filter(|p| !p.is_empty());
        let options = pairs.map(|pair| match pair.split_once('=') {
            // C must be able to hold them.
            Some((key, value)) if !key.is_empty() && !pair.contains('\0') => {
                Ok((key.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(format!("expected KEY=VALUE after {word}, found {pair:?}")),
        });
        Ok(Self {
            name,
            options: options.collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Display for ExecutionProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.word())?;
        let mut options = self.options.iter();
        options.try_for_each(|(key, value)| write!(f, ",{key}={value}"))
    }
}

impl TryFrom<String> for ExecutionProvider {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ExecutionProvider> for String {
    fn from(provider: ExecutionProvider) -> Self {
        provider.to_string()
    }
}

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

impl<const PLACE: usize> ep::ExecutionProvider for Provider<PLACE> {
    const NAME: &'static str = NAMES[PLACE];

    fn register(&self, _: &mut SessionBuilder) -> ort::Result<()> {
        Err(ort::Error::new(format!("{} is only listed", Self::NAME)))
    }
}

/// The names of the providers that the loaded library has, from the most
/// specialised to the CPU.
pub(super) fn available() -> Vec<&'static str> {
    use ep::ExecutionProvider;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_named_with_its_options() {
        let parsed: ExecutionProvider = "cuda, device_id=1,arena_extend_strategy=kSameAsRequested"
            .parse()
            .expect("a provider");
        assert_eq!(parsed.name, ProviderName::Cuda);
        let text = "cuda,device_id=1,arena_extend_strategy=kSameAsRequested";
        assert_eq!(parsed.to_string(), text);
        assert_eq!(text.parse(), Ok(parsed));
        for name in ProviderName::ALL {
            let parsed: ExecutionProvider = name.word().parse().expect("a provider");
            assert_eq!(parsed.name, name);
            assert!(NAMES.contains(&name.full_name()));
            assert!(parsed.dispatch().is_ok());
        }
        for bad in ["", "gpu", "cuda,device_id", "cuda,=1", "cuda,a=\0"] {
            assert!(bad.parse::<ExecutionProvider>().is_err(), "{bad:?}");
        }
        for bad in ["cpu,threads=2", "directml,device_id=x", "directml,gpu=1"] {
            let parsed: ExecutionProvider = bad.parse().expect("a provider");
            assert!(parsed.dispatch().is_err(), "{bad}");
        }
    }
}
