//! A network in a file, and what its input and output mean.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ort::ep;
use ort::session::{Session, SessionOutputs};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use super::error::DetectError;
use super::letterbox::Form;
use super::manifest::{Family, Manifest};
use super::options::{DetectorOptions, ExecutionProvider};
use super::runtime::Runtime;
use super::{onnx, yolox};

/// A protobuf message cannot be longer.
const MAX_BYTES: u64 = (1 << 31) - 1;

/// Longest side of an input, pixels.
const MAX_SIDE: u32 = 8192;

/// A loaded network.
pub(super) struct Model {
    pub(super) session: Session,
    pub(super) network: Network,
}

/// What is known of a network, apart from its weights.
pub(super) struct Network {
    pub(super) path: PathBuf,
    output: String,
    shape: [i64; 3],
    pub(super) family: Family,
    pub(super) form: Form,
    pub(super) classes: Vec<String>,
    pub(super) licence: Option<String>,
    pub(super) source: Option<String>,
}

impl Model {
    /// Loads the network in an ONNX file, with what its manifest says of it,
    /// or, where it has none, what its own inputs and outputs say.
    pub(super) fn load(
        path: &Path,
        runtime: &Runtime,
        options: &DetectorOptions,
    ) -> Result<Self, DetectError> {
        let bytes = read(path)?;
        onnx::check(&bytes).map_err(|found| DetectError::NotOnnx {
            path: path.to_owned(),
            found,
        })?;
        let manifest = Manifest::beside(path)?;
        let session = session(&bytes, runtime, options).map_err(|source| DetectError::Load {
            path: path.to_owned(),
            source,
        })?;
        let network = Network::new(path, session.inputs(), session.outputs(), manifest)?;
        Ok(Self { session, network })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, DetectError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|source| DetectError::Io {
            path: path.to_owned(),
            source,
        })?;
    Ok(bytes)
}

fn session(bytes: &[u8], runtime: &Runtime, options: &DetectorOptions) -> ort::Result<Session> {
    let provider = match options.execution_provider {
        ExecutionProvider::Cpu => ep::CPU::default().with_arena_allocator(true).build(),
    };
    Session::builder(&runtime.environment)?
        .with_intra_threads(options.threads)?
        .with_execution_providers([provider.error_on_failure()])?
        .commit_from_memory(bytes)
}

impl Network {
    fn new(
        path: &Path,
        inputs: &[Outlet],
        outputs: &[Outlet],
        manifest: Option<Manifest>,
    ) -> Result<Self, DetectError> {
        let refuse = |field: &str, expected: String, found: String| DetectError::Form {
            path: path.to_owned(),
            field: field.to_owned(),
            expected,
            found,
        };

        let size = only(inputs).and_then(|input| picture_size(f32_shape(input)?));
        let size = size.ok_or_else(|| {
            let multiple = yolox::SIDE_MULTIPLE;
            let expected = format!(
                "one, f32 [1, 3, height, width] with sides of a multiple of {multiple} up to \
                 {MAX_SIDE}"
            );
            refuse("inputs", expected, list(inputs))
        })?;
        let stated = manifest.is_some();
        let manifest = manifest.unwrap_or_default();
        if let Some(expected) = manifest.input.size.filter(|stated| *stated != size) {
            return Err(refuse(
                "input size",
                format!("{expected:?}, as the manifest states it"),
                format!("{size:?}"),
            ));
        }

        let values = yolox::BOX_VALUES + manifest.classes.len();
        let shape = [1, yolox::predictions(size) as i64, values as i64];
        // What a manifest states may be left open by the model itself.
        let agrees = |declared: i64, expected| declared == expected || stated && declared == -1;
        let output = only(outputs).filter(|output| {
            f32_shape(output).is_some_and(|declared| {
                declared.len() == shape.len()
                    && declared.iter().zip(shape).all(|(d, e)| agrees(*d, e))
            })
        });
        let output = output.ok_or_else(|| {
            let family = if stated {
                "as the manifest states it"
            } else {
                "YOLOX with COCO's 80 classes, or a manifest that states another form"
            };
            let expected = format!("one, f32 {shape:?} ({family})");
            refuse("outputs", expected, list(outputs))
        })?;

        Ok(Self {
            path: path.to_owned(),
            output: output.name().to_owned(),
            shape,
            family: manifest.family,
            form: manifest.form(size),
            classes: manifest.classes,
            licence: manifest.licence,
            source: manifest.source,
        })
    }

    /// Runs the network on a tensor of the form's size.
    pub(super) fn run<'s>(
        &self,
        session: &'s mut Session,
        tensor: &[f32],
    ) -> Result<SessionOutputs<'s>, DetectError> {
        let [width, height] = self.form.size.map(i64::from);
        TensorRef::from_array_view(([1, 3, height, width], tensor))
            .and_then(|tensor| session.run(ort::inputs![tensor]))
            .map_err(|source| DetectError::Run {
                path: self.path.clone(),
                source,
            })
    }

    /// The rows of the network's output, one per prediction.
    pub(super) fn rows<'o>(&self, outputs: &'o SessionOutputs) -> Result<&'o [f32], DetectError> {
        let value = outputs.get(&self.output);
        let tensor = value.and_then(|value| value.try_extract_tensor::<f32>().ok());
        match tensor {
            Some((shape, rows)) if **shape == self.shape => Ok(rows),
            _ => Err(DetectError::Output {
                path: self.path.clone(),
                expected: self.shape.to_vec(),
                found: value.map_or("nothing".into(), |value| value.dtype().to_string()),
            }),
        }
    }
}

fn only(outlets: &[Outlet]) -> Option<&Outlet> {
    match outlets {
        [one] => Some(one),
        _ => None,
    }
}

fn f32_shape(outlet: &Outlet) -> Option<&[i64]> {
    match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } if *ty == TensorElementType::Float32 => Some(shape),
        _ => None,
    }
}

/// Width and height of an input of one picture.
fn picture_size(shape: &[i64]) -> Option<[u32; 2]> {
    let &[1, 3, height, width] = shape else {
        return None;
    };
    let side = |side: i64| {
        let side = u32::try_from(side).ok()?;
        let fits = (yolox::SIDE_MULTIPLE..=MAX_SIDE).contains(&side);
        (fits && side.is_multiple_of(yolox::SIDE_MULTIPLE)).then_some(side)
    };
    Some([side(width)?, side(height)?])
}

/// Inputs or outputs as an error names them.
fn list(outlets: &[Outlet]) -> String {
    const NAMED: usize = 8;
    let named = outlets.iter().take(NAMED);
    let mut list: Vec<String> = named
        .map(|outlet| format!("{:?} {}", outlet.name(), outlet.dtype()))
        .collect();
    if outlets.len() > NAMED {
        list.push(format!("{} more", outlets.len() - NAMED));
    }
    if list.is_empty() {
        return "none".into();
    }
    list.join(", ")
}
