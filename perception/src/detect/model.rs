//! A network in a file, and what its input and outputs mean.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{Tensor as Value, TensorRef};

use super::error::{DetectError, Refused};
use super::family::{self, Head, Known};
use super::form::Form;
use super::input::Input;
use super::letterbox::{Letterbox, Pixels};
use super::limit::Limit;
use super::manifest::Manifest;
use super::options::DetectorOptions;
use super::runtime::Runtime;
use super::tensor::{self, Tensor, View};
use super::{coco, onnx, reshape};

/// A protobuf message cannot be longer.
const MAX_BYTES: u64 = (1 << 31) - 1;

/// A loaded network.
pub(super) struct Model {
    pub(super) session: Session,
    pub(super) network: Network,
}

/// What is known of a network, apart from its weights.
pub(super) struct Network {
    pub(super) path: PathBuf,
    pub(super) input: Input,
    pub(super) head: Head,
    pub(super) form: Form,
    pub(super) classes: Vec<String>,
    /// With everything in it that could be told.
    pub(super) manifest: Manifest,
    /// Of the outputs for one picture, where it is the same in every run.
    dims: Option<Vec<Vec<usize>>>,
    limit: Option<Limit>,
}

/// Why a run gave nothing.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Run(String),
    Late(Duration),
    Output { expected: String, found: String },
}

impl Model {
    /// Loads the network in an ONNX file, with the manifest beside it.
    pub(super) fn load(
        path: &Path,
        runtime: &Runtime,
        options: &DetectorOptions,
    ) -> Result<Self, DetectError> {
        let manifest = Manifest::beside(path)?.unwrap_or_default();
        Self::new(path, read(path)?, manifest, runtime, options)
    }

    /// Takes a network as it stands in an ONNX file, with what its manifest
    /// says of it, and runs it once: its outputs tell the family, and what is
    /// made at the first run is made. `path` is what errors call it.
    pub(super) fn new(
        path: &Path,
        mut bytes: Vec<u8>,
        manifest: Manifest,
        runtime: &Runtime,
        options: &DetectorOptions,
    ) -> Result<Self, DetectError> {
        let embedded = runtime.library().is_none();
        let barred = if embedded { &onnx::RECURRENT[..] } else { &[] };
        onnx::check(&bytes, barred).map_err(|found| DetectError::NotOnnx {
            path: path.to_owned(),
            found,
        })?;
        let ports = onnx::inputs(&bytes);
        let (mut input, fixed) = Input::new(&ports, &manifest.input, options, embedded)
            .map_err(|refused| refused.at(path))?;
        // The embedded runtime has no i64 to give.
        if fixed != ports || embedded {
            bytes = reshape::with_inputs(&bytes, &fixed, embedded);
        }
        // What a network does not do at a size that was asked for, it may do
        // at its own.
        let at_size = |error: DetectError| match options.input_size {
            Some(size) if matches!(error, DetectError::Load { .. } | DetectError::Run { .. }) => {
                DetectError::InputSize {
                    size,
                    reason: error.to_string(),
                }
            }
            _ => error,
        };
        let mut session = session(path, &bytes, runtime, options).map_err(at_size)?;
        drop(bytes);

        let limit = |time: Duration| {
            Limit::new(time, runtime).map_err(|cause| DetectError::Load {
                path: path.to_owned(),
                cause,
            })
        };
        let first = limit(options.load_limit())?;
        let failed = |failure: Failure| at_size(failure.at(path));
        let mut blank = Letterbox::new(input.form());
        blank.reserve(1);
        let outputs = run(&mut session, &input, blank.pixels(), 1, Some(&first));
        let outputs = outputs.map_err(failed)?;
        let tensors = tensors(&outputs).map_err(failed)?;
        let views = views(&tensors, 0, 1).map_err(failed)?;
        let coco = manifest.classes.is_none();
        let classes = manifest.classes.clone().unwrap_or_else(coco::names);
        let known = Known {
            size: input.size,
            classes: classes.len(),
            coco,
            family: manifest.family,
            numbering: manifest.output.labels,
            boxes: manifest.output.boxes,
            scales: input.scales.is_some(),
        };
        let head = Head::recognise(&views, &known).ok_or_else(|| Refused {
            field: "outputs",
            expected: family::expected(&known),
            found: tensor::describe(&tensors),
        });
        let head = head.map_err(|refused| refused.at(path))?;
        (manifest.output.check(&head)).map_err(|refused| refused.at(path))?;
        let dims = views.iter().map(|view| view.dims.to_vec()).collect();
        let dims = head.is_fixed().then_some(dims);
        drop(views);
        drop(tensors);
        drop(outputs);
        // A model may leave the number of pictures open and still be made for
        // one.
        input.batches = input.batches && takes_two(&mut session, &input, &mut blank, &first);

        let form = manifest.form(head.form(input.form()));
        let network = Network {
            path: path.to_owned(),
            manifest: manifest.completed(&head, &form, input.own_size),
            form,
            head,
            input,
            classes,
            dims,
            limit: options.time_limit().map(limit).transpose()?,
        };
        Ok(Self { session, network })
    }
}

impl Network {
    /// Runs the network on so many pictures of the form's size.
    pub(super) fn run<'s>(
        &'s self,
        session: &'s mut Session,
        pixels: Pixels,
        count: usize,
    ) -> Result<SessionOutputs<'s>, Failure> {
        run(session, &self.input, pixels, count, self.limit.as_ref())
    }

    /// The outputs for one of so many pictures.
    pub(super) fn views<'t>(
        &self,
        tensors: &'t [Tensor],
        index: usize,
        count: usize,
    ) -> Result<Vec<View<'t>>, Failure> {
        let views = views(tensors, index, count)?;
        match &self.dims {
            Some(dims) if !views.iter().map(|view| view.dims).eq(dims) => Err(Failure::Output {
                expected: format!("{dims:?} for each picture"),
                found: tensor::describe(tensors),
            }),
            _ => Ok(views),
        }
    }
}

impl Failure {
    /// What the runtime said instead.
    pub(super) fn of(error: ort::Error) -> Self {
        Self::Run(error.to_string())
    }

    /// The error of the network in this file.
    pub(super) fn at(self, path: &Path) -> DetectError {
        let path = path.to_owned();
        match self {
            Self::Run(reason) => DetectError::Run { path, reason },
            Self::Late(limit) => DetectError::TimedOut { path, limit },
            Self::Output { expected, found } => DetectError::Output {
                path,
                expected,
                found,
            },
        }
    }
}

/// The outputs of a run, as numbers.
pub(super) fn tensors<'a>(outputs: &'a SessionOutputs<'_>) -> Result<Vec<Tensor<'a>>, Failure> {
    tensor::tensors(outputs).map_err(|found| Failure::Output {
        expected: "numbers".into(),
        found,
    })
}

fn views<'t>(tensors: &'t [Tensor], index: usize, count: usize) -> Result<Vec<View<'t>>, Failure> {
    let views = tensors.iter().map(|tensor| tensor.picture(index, count));
    let views: Option<Vec<View>> = views.collect();
    views.ok_or_else(|| Failure::Output {
        expected: format!("a part for each of {count} pictures"),
        found: tensor::describe(tensors),
    })
}

fn run<'s>(
    session: &'s mut Session,
    input: &Input,
    pixels: Pixels,
    count: usize,
    limit: Option<&'s Limit>,
) -> Result<SessionOutputs<'s>, Failure> {
    let inputs = inputs(input, pixels, count).map_err(Failure::of)?;
    match limit {
        Some(limit) => limit.run(session, inputs),
        None => session.run(inputs).map_err(Failure::of),
    }
}

/// Whether a run of two pictures gives something for each.
fn takes_two(session: &mut Session, input: &Input, blank: &mut Letterbox, limit: &Limit) -> bool {
    blank.reserve(2);
    let Ok(outputs) = run(session, input, blank.pixels(), 2, Some(limit)) else {
        return false;
    };
    tensors(&outputs).is_ok_and(|tensors| views(&tensors, 1, 2).is_ok())
}

/// The network's inputs, by name.
fn inputs<'v>(
    input: &Input,
    pixels: Pixels<'v>,
    count: usize,
) -> ort::Result<Vec<(String, SessionInputValue<'v>)>> {
    let dims = input.dims(count);
    let pictures: SessionInputValue = match pixels {
        Pixels::F32(values) => TensorRef::from_array_view((dims, values))?.into(),
        Pixels::F16(values) => TensorRef::from_array_view((dims, values))?.into(),
        Pixels::U8(values) => TensorRef::from_array_view((dims, values))?.into(),
    };
    let mut inputs = vec![(input.name.clone(), pictures)];
    if let Some(name) = &input.scales {
        // Boxes in input pixels, as other families have them.
        let sizes = input.size.map(i64::from).repeat(count);
        let sizes = Value::from_array(([dims[0], 2], sizes))?;
        inputs.push((name.clone(), sizes.into()));
    }
    Ok(inputs)
}

fn read(path: &Path) -> Result<Vec<u8>, DetectError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|cause| DetectError::Io {
            path: path.to_owned(),
            cause,
        })?;
    Ok(bytes)
}

fn session(
    path: &Path,
    bytes: &[u8],
    runtime: &Runtime,
    options: &DetectorOptions,
) -> Result<Session, DetectError> {
    let provider = &options.execution_provider;
    let name = provider.name;
    let missing = |reason: String| DetectError::Provider {
        name: provider.to_string(),
        reason,
        needs: name.needs(),
    };
    let dispatch = provider
        .dispatch()
        .map_err(|expected| DetectError::Option {
            field: "execution_provider",
            expected: "a provider with options that it has",
            found: format!("{provider}: expected {expected}"),
        })?;
    let is_there = match runtime.library() {
        None => name == Default::default(),
        Some(_) => runtime.providers().contains(&name.full_name()),
    };
    if !is_there {
        return Err(missing(format!("{runtime} is built without it")));
    }
    let load = |cause: ort::Error| DetectError::Load {
        path: path.to_owned(),
        cause,
    };
    let mut builder = Session::builder(&runtime.environment)
        .and_then(|builder| Ok(builder.with_intra_threads(options.threads)?))
        // The embedded runtime does not optimise unless it is told to.
        .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::All)?))
        .map_err(load)?;
    dispatch
        .register(&mut builder)
        .map_err(|error| missing(error.to_string()))?;
    builder.commit_from_memory(bytes).map_err(load)
}
