//! What is written beside a model of it: the `.toml` of the same stem.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::error::DetectError;
use super::letterbox::{Anchor, Channels, Form};
use super::{coco, yolox};

/// More than any manifest needs.
const MAX_BYTES: u64 = 1 << 20;

/// [`Detection::class`](super::Detection::class) cannot count further.
const MAX_CLASSES: usize = 65_535;

/// A model's manifest. What it leaves out is as the family has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) family: Family,
    #[serde(default)]
    pub(super) input: Input,
    #[serde(default = "coco::names", deserialize_with = "class_names")]
    pub(super) classes: Vec<String>,
    /// SPDX expression of the weights' licence.
    pub(super) licence: Option<String>,
    /// Where the weights come from.
    pub(super) source: Option<String>,
}

/// What the network's output means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Family {
    Yolox,
}

/// The form in which the network wants its picture.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[serde(default)]
    pub(super) layout: Layout,
    /// Width and height, pixels.
    pub(super) size: Option<[u32; 2]>,
    pub(super) channels: Option<Channels>,
    pub(super) normalisation: Option<Normalisation>,
    pub(super) letterbox: Option<Padding>,
}

/// Order of the input's dimensions.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Layout {
    /// Batch, plane, row, column.
    #[default]
    Nchw,
}

/// Values of 0 to 255 become (value − mean) / std, plane by plane.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Normalisation {
    pub(super) mean: [f32; 3],
    pub(super) std: [f32; 3],
}

/// Where the picture lies in the input, and what surrounds it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Padding {
    pub(super) anchor: Anchor,
    pub(super) pad: u8,
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
            Err(source) => return Err(DetectError::Io { path, source }),
            Ok(_) => {}
        }
        let manifest: Self = toml::from_str(&text).map_err(|e| {
            let before = e.span().and_then(|span| text.get(..span.start));
            let line = 1 + before.unwrap_or_default().matches('\n').count();
            let message = e.message().replace('\n', "; ");
            DetectError::Manifest {
                path: path.clone(),
                message: format!("line {line}: {message}"),
            }
        })?;
        manifest.check().map_err(|message| DetectError::Manifest {
            path,
            message: message.into(),
        })?;
        Ok(Some(manifest))
    }

    fn check(&self) -> Result<(), &'static str> {
        if let Some(Normalisation { mean, std }) = self.input.normalisation
            && !(mean.iter().all(|m| m.is_finite()) && std.iter().all(|s| s.is_normal()))
        {
            return Err("input.normalisation: expected finite means and stds other than 0");
        }
        if !(1..=MAX_CLASSES).contains(&self.classes.len()) {
            return Err("classes: expected from 1 to 65535 names");
        }
        Ok(())
    }

    /// The form of an input of this width and height, pixels.
    pub(super) fn form(&self, size: [u32; 2]) -> Form {
        let Layout::Nchw = self.input.layout;
        let mut form = match self.family {
            Family::Yolox => yolox::form(size),
        };
        if let Some(channels) = self.input.channels {
            form.channels = channels;
        }
        if let Some(Normalisation { mean, std }) = self.input.normalisation {
            (form.mean, form.std) = (mean, std);
        }
        if let Some(Padding { anchor, pad }) = self.input.letterbox {
            (form.anchor, form.pad) = (anchor, pad);
        }
        form
    }
}

fn class_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Classes::deserialize(deserializer)? {
        Classes::Known(KnownClasses::Coco) => coco::names(),
        Classes::Names(names) => names,
    })
}

impl Default for Manifest {
    /// YOLOX, as it is published.
    fn default() -> Self {
        Self {
            family: Family::Yolox,
            input: Input::default(),
            classes: coco::names(),
            licence: None,
            source: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
            layout = "nchw"
            size = [640, 384]
            channels = "rgb"
            normalisation = { mean = [123.7, 116.3, 103.5], std = [58.4, 57.1, 57.4] }
            letterbox = { anchor = "centre", pad = 0 }
            "#,
        );
        let manifest = manifest.expect("a good manifest").expect("a manifest");
        assert_eq!(manifest.family, Family::Yolox);
        assert_eq!(manifest.input.size, Some([640, 384]));
        let form = Form {
            size: [640, 384],
            channels: Channels::Rgb,
            mean: [123.7, 116.3, 103.5],
            std: [58.4, 57.1, 57.4],
            anchor: Anchor::Centre,
            pad: 0,
        };
        assert_eq!(manifest.form([640, 384]), form);
        assert_eq!(manifest.classes, ["car", "person"]);
        assert_eq!(manifest.licence.as_deref(), Some("Apache-2.0"));
    }

    #[test]
    fn most_of_a_manifest_may_be_left_out() {
        for text in [
            "family = \"yolox\"",
            "family = \"yolox\"\nclasses = \"coco\"",
        ] {
            let manifest = read(text).expect("a good manifest").expect("a manifest");
            assert_eq!(manifest.classes, coco::names());
            assert_eq!(manifest.form([416, 416]), yolox::form([416, 416]));
        }
        let none = Manifest::beside(Path::new("no/such/net.onnx")).expect("no manifest");
        assert!(none.is_none());
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (text, said) in [
            (
                "family = \"yolo11\"",
                "line 1: unknown variant `yolo11`, expected `yolox`",
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
                "family = \"yolox\"\n[input]\nlayout = \"nhwc\"",
                "line 3: unknown variant `nhwc`",
            ),
            (
                "family = \"yolox\"\n[input]\nsize = [-1, 2]",
                "line 3: invalid value",
            ),
            ("licence = \"MIT\"", "line 1: missing field `family`"),
            (
                "family = \"yolox\"\nclasses = []",
                "classes: expected from 1",
            ),
            (
                "family = \"yolox\"\ninput.normalisation = { mean = [0, 0, 0], std = [1, 0, 1] }",
                "input.normalisation: expected",
            ),
        ] {
            let message = read(text).expect_err("a bad manifest");
            assert!(message.starts_with(said), "{message:?} for {said:?}");
            assert!(!message.contains('\n'), "{message:?}");
        }
    }
}
