//! What is written beside a model of it: the `.toml` of the same stem.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{DetectError, Refused};
use super::family::{Family, Head, Numbering, Unit};
use super::form::{Channels, Form, Layout, Padding};

/// More than any manifest needs.
const MAX_BYTES: u64 = 1 << 20;

/// [`Detection::class`](super::Detection::class) cannot count further.
const MAX_CLASSES: usize = 65_535;

/// A model's manifest. What it leaves out is as the family has it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manifest {
    /// What the outputs mean; without it, they tell it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) family: Option<Family>,
    /// Without names, COCO's.
    #[serde(deserialize_with = "read_classes", serialize_with = "write_classes")]
    pub(super) classes: Option<Vec<String>>,
    /// SPDX expression of the weights' licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) licence: Option<String>,
    /// Where the weights come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    pub(super) input: Input,
    #[serde(skip_serializing_if = "Output::is_silent")]
    pub(super) output: Output,
}

/// The form in which the network wants its picture.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Input {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) layout: Option<Layout>,
    /// Width and height, pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<[u32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) channels: Option<Channels>,
    /// Whether the picture is stretched over the whole input.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stretch: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) normalisation: Option<Normalisation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) letterbox: Option<Padding>,
}

/// What labels and boxes mean. Most families leave nothing of it open.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) labels: Option<Numbering>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) boxes: Option<Unit>,
}

impl Output {
    fn is_silent(&self) -> bool {
        *self == Self::default()
    }

    /// What a head says of its labels and boxes.
    fn of(head: &Head) -> Self {
        Self {
            labels: Some(head.numbering()),
            boxes: head.unit(),
        }
    }

    /// Checks that a head reads its outputs as they are stated to be.
    pub(super) fn check(&self, head: &Head) -> Result<(), Refused> {
        let is = Self::of(head);
        let labels = [self.labels, is.labels].map(|labels| labels.map(Numbering::name));
        let boxes = [self.boxes, is.boxes].map(|boxes| boxes.map(Unit::name));
        for (field, [stated, is]) in [
            ("the manifest's output.labels", labels),
            ("the manifest's output.boxes", boxes),
        ] {
            if let Some(stated) = stated
                && is != Some(stated)
            {
                let name = head.family().name();
                let can_be = is.map_or("nothing".into(), |is| format!("\"{is}\""));
                return Err(Refused {
                    field,
                    expected: format!("{can_be} of this {name}"),
                    found: format!("\"{stated}\""),
                });
            }
        }
        Ok(())
    }
}

/// Values of 0 to 255 become (value − mean) / std, plane by plane.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Normalisation {
    pub(super) mean: [f32; 3],
    pub(super) std: [f32; 3],
}

/// The names of the classes: `"coco"`, or a list.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected \"coco\" or a list of names")]
enum Classes {
    Known(KnownClasses),
    Names(Vec<String>),
}

/// A list of classes that goes by a name.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum KnownClasses {
    Coco,
}

impl Manifest {
    /// The manifest of a model, if it has one.
    pub(super) fn beside(model: &Path) -> Result<Option<Self>, DetectError> {
        let path = model.with_extension("toml");
        let mut text = String::new();
        match File::open(&path).and_then(|f| f.take(MAX_BYTES).read_to_string(&mut text)) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(DetectError::Io { path, cause }),
            Ok(_) => {}
        }
        Self::parse(&path, &text).map(Some)
    }

    /// What a manifest says; `path` is what errors call it.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, DetectError> {
        let manifest: Self = toml::from_str(text).map_err(|e| {
            let before = e.span().and_then(|span| text.get(..span.start));
            let line = 1 + before.unwrap_or_default().matches('\n').count();
            let message = e.message().replace('\n', "; ");
            DetectError::Manifest {
                path: path.to_owned(),
                message: format!("line {line}: {message}"),
            }
        })?;
        manifest.check().map_err(|message| DetectError::Manifest {
            path: path.to_owned(),
            message: message.into(),
        })?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), &'static str> {
        if let Some(Normalisation { mean, std }) = self.input.normalisation
            && !(mean.iter().all(|m| m.is_finite()) && std.iter().all(|s| s.is_normal()))
        {
            return Err("input.normalisation: expected finite means and stds other than 0");
        }
        if let Some(classes) = &self.classes
            && !(1..=MAX_CLASSES).contains(&classes.len())
        {
            return Err("classes: expected from 1 to 65535 names");
        }
        if self.input.stretch && self.input.letterbox.is_some() {
            return Err("input: expected stretch or letterbox, found both");
        }
        Ok(())
    }

    /// The manifest that leaves nothing out which this one leaves to a family,
    /// of a network that was recognised and has an input of this size.
    pub(super) fn completed(self, head: &Head, form: &Form, size: [u32; 2]) -> Self {
        Self {
            family: Some(head.family()),
            input: Input {
                layout: Some(form.layout),
                size: Some(size),
                channels: Some(form.channels),
                normalisation: Some(Normalisation {
                    mean: form.mean,
                    std: form.std,
                }),
                letterbox: form.padding,
                stretch: form.padding.is_none(),
            },
            output: Output::of(head),
            ..self
        }
    }

    /// A family's form with what the manifest states otherwise.
    pub(super) fn form(&self, mut form: Form) -> Form {
        if let Some(channels) = self.input.channels {
            form.channels = channels;
        }
        if let Some(Normalisation { mean, std }) = self.input.normalisation {
            (form.mean, form.std) = (mean, std);
        }
        if self.input.stretch {
            form.padding = None;
        }
        if self.input.letterbox.is_some() {
            form.padding = self.input.letterbox;
        }
        form
    }
}

fn read_classes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    Ok(match Classes::deserialize(deserializer)? {
        Classes::Known(KnownClasses::Coco) => None,
        Classes::Names(names) => Some(names),
    })
}

fn write_classes<S: Serializer>(
    classes: &Option<Vec<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match classes {
        None => serializer.serialize_str("coco"),
        Some(names) => names.serialize(serializer),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::form::{Anchor, Element};
    use super::*;

    const PLAIN: Form = Form {
        size: [640, 384],
        layout: Layout::Nchw,
        element: Element::F32,
        channels: Channels::Bgr,
        mean: [0.0; 3],
        std: [1.0; 3],
        padding: None,
    };

    fn read(text: &str) -> Result<Option<Manifest>, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("net.toml"), text).expect("a writable folder");
        Manifest::beside(&folder.path().join("net.onnx")).map_err(|e| {
            let text = e.to_string();
            let (_, said) = text.split_once("net.toml: ").expect("the file is named");
            said.to_owned()
        })
    }

    #[test]
    fn a_manifest_states_the_form_of_the_input() {
        let manifest = read(
            r#"
            family = "yolox"
            classes = ["car", "person"]
            licence = "Apache-2.0"
            source = "trained at home"

            [input]
            layout = "nhwc"
            size = [640, 384]
            channels = "rgb"
            normalisation = { mean = [123.7, 116.3, 103.5], std = [58.4, 57.1, 57.4] }
            letterbox = { anchor = "centre", pad = 0 }

            [output]
            labels = "from-one"
            boxes = "relative"
            "#,
        );
        let manifest = manifest.expect("a good manifest").expect("a manifest");
        assert_eq!(manifest.family, Some(Family::Yolox));
        assert_eq!(manifest.input.size, Some([640, 384]));
        assert_eq!(manifest.input.layout, Some(Layout::Nhwc));
        assert_eq!(manifest.output.labels, Some(Numbering::FromOne));
        assert_eq!(manifest.output.boxes, Some(Unit::Relative));
        let form = Form {
            channels: Channels::Rgb,
            mean: [123.7, 116.3, 103.5],
            std: [58.4, 57.1, 57.4],
            padding: Some(Padding {
                anchor: Anchor::Centre,
                pad: 0,
            }),
            ..PLAIN
        };
        assert_eq!(manifest.form(PLAIN), form);
        let classes = manifest.classes.expect("names");
        assert_eq!(classes, ["car", "person"]);
        assert_eq!(manifest.licence.as_deref(), Some("Apache-2.0"));
    }

    #[test]
    fn most_of_a_manifest_may_be_left_out() {
        for text in [
            "",
            "family = \"yolov8\"\nclasses = \"coco\"",
            "licence = \"MIT\"",
        ] {
            let manifest = read(text).expect("a good manifest").expect("a manifest");
            assert_eq!(manifest.classes, None);
            assert_eq!(manifest.form(PLAIN), PLAIN);
        }
        let none = Manifest::beside(Path::new("no/such/net.onnx")).expect("no manifest");
        assert!(none.is_none());
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (text, said) in [
            (
                "family = \"yolo11\"",
                "line 1: unknown variant `yolo11`, expected one of `yolox`, `yolov5`",
            ),
            (
                "\ncolour = 1\nfamily = \"yolox\"",
                "line 2: unknown field `colour`",
            ),
            (
                "family = \"yolox\"\nclasses = 3",
                "line 2: expected \"coco\" or a list of names",
            ),
            (
                "family = \"yolox\"\n[input]\nlayout = \"chw\"",
                "line 3: unknown variant `chw`",
            ),
            (
                "family = \"yolox\"\n[input]\nsize = [-1, 2]",
                "line 3: invalid value",
            ),
            (
                "family = \"yolox\"\nclasses = []",
                "classes: expected from 1",
            ),
            (
                "family = \"yolox\"\ninput.normalisation = { mean = [0, 0, 0], std = [1, 0, 1] }",
                "input.normalisation: expected",
            ),
            (
                "[input]\nstretch = true\nletterbox = { anchor = \"centre\", pad = 0 }",
                "input: expected stretch or letterbox",
            ),
        ] {
            let message = read(text).expect_err("a bad manifest");
            assert!(message.starts_with(said), "{message:?} for {said:?}");
            assert!(!message.contains('\n'), "{message:?}");
        }
    }
}
