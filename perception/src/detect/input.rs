//! What a network takes: one picture or several, in which form.

use super::error::Refused;
use super::form::{Channels, Element, Form, Layout};
use super::manifest;
use super::onnx::Port;
use super::options::{DetectorOptions, InputSize, MAX_PIXELS, MAX_SIDE};

/// Width and height where neither the model nor anybody else states them:
/// what most detectors are trained at.
const USUAL_SIZE: [u32; 2] = [640, 640];

/// What errors call a size that is none.
const SIZE: &str = "input size";

/// Most pixels of all pictures of one run.
const MAX_RUN_PIXELS: u32 = 1 << 25;

/// What a network takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) layout: Layout,
    pub(super) element: Element,
    /// Width and height, pixels.
    pub(super) size: [u32; 2],
    /// Those that it has when no others are asked for.
    pub(super) own_size: [u32; 2],
    /// Whether a run takes any number of pictures, not just one.
    pub(super) batches: bool,
    /// An input for the width and height to which boxes are scaled.
    pub(super) scales: Option<String>,
}

impl Input {
    /// Understands the inputs of a model, and fixes those of their dimensions
    /// that are to be another or are left open; that of the pictures too, if
    /// it is to be `single`. Returns the inputs as they must be.
    pub(super) fn new(
        ports: &[Port],
        stated: &manifest::Input,
        options: &DetectorOptions,
        single: bool,
    ) -> Result<(Self, Vec<Port>), Refused> {
        let refuse = || Refused {
            field: "inputs",
            expected: "a picture, f32, f16 or u8 [1, 3, height, width] or [1, height, width, 3], \
                       and perhaps orig_target_sizes, i64 [1, 2]"
                .into(),
            found: list(ports),
        };
        let (pictures, others): (Vec<&Port>, Vec<&Port>) =
            ports.iter().partition(|port| port.dims.len() == 4);
        let &[picture] = &pictures[..] else {
            return Err(refuse());
        };
        let scales = match &others[..] {
            [] => None,
            [port] if is_scales(port) => Some(port.name.clone()),
            _ => return Err(refuse()),
        };
        let element = element(picture.element).ok_or_else(refuse)?;
        let [count, a, b, c] = [0, 1, 2, 3].map(|place| open(picture.dims[place]));
        let colours = |dim: Option<u32>| dim.is_none_or(|planes| planes == 3);
        let layout = stated
            .layout
            .unwrap_or(if !colours(a) || a.is_none() && c == Some(3) {
                Layout::Nhwc
            } else {
                Layout::Nchw
            });
        let (planes, declared) = match layout {
            Layout::Nchw => (a, [c, b]),
            Layout::Nhwc => (c, [b, a]),
        };
        if !colours(planes) || count.is_some_and(|count| count != 1) {
            return Err(refuse());
        }
        let own_size = own_size(declared, stated.size)?;
        let size = size(own_size, options.input_size)?;

        let batches = count.is_none() && !single;
        let pictures = if batches { None } else { Some(1) };
        let [width, height] = size.map(|side| Some(u64::from(side)));
        let dims = match layout {
            Layout::Nchw => vec![pictures, Some(3), height, width],
            Layout::Nhwc => vec![pictures, height, width, Some(3)],
        };
        let mut fixed = ports.to_vec();
        for port in &mut fixed {
            port.dims = if port.name == picture.name {
                dims.clone()
            } else {
                vec![pictures, Some(2)]
            };
        }
        let input = Self {
            name: picture.name.clone(),
            layout,
            element,
            size,
            own_size,
            batches,
            scales,
        };
        Ok((input, fixed))
    }

    /// How many pictures go into one run, of so many at most.
    pub(super) fn pictures(&self, most: usize) -> usize {
        let [width, height] = self.size;
        match self.batches {
            true => most.min((MAX_RUN_PIXELS / (width * height)) as usize),
            false => 1,
        }
    }

    /// The form of a picture that is stretched over the whole input and keeps
    /// its values.
    pub(super) fn form(&self) -> Form {
        Form {
            size: self.size,
            layout: self.layout,
            element: self.element,
            channels: Channels::Rgb,
            mean: [0.0; 3],
            std: [1.0; 3],
            padding: None,
        }
    }

    /// The dimensions of so many pictures.
    pub(super) fn dims(&self, count: usize) -> [i64; 4] {
        let [width, height] = self.size.map(i64::from);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        match self.layout {
            Layout::Nchw => [count, 3, height, width],
            Layout::Nhwc => [count, height, width, 3],
        }
    }
}

/// The size of the model, which must be that of its manifest; else the usual
/// one.
fn own_size(declared: [Option<u32>; 2], stated: Option<[u32; 2]>) -> Result<[u32; 2], Refused> {
    let conflict = |stated: &[u32; 2]| {
        let pairs = declared.iter().zip(stated);
        pairs.into_iter().any(|(d, s)| d.is_some_and(|d| d != *s))
    };
    if let Some(stated) = stated.filter(conflict) {
        let found = declared.map(|side| side.map_or("any".into(), |side| side.to_string()));
        return Err(Refused {
            field: SIZE,
            expected: format!("{stated:?}, as the manifest states it"),
            found: format!("[{}]", found.join(", ")),
        });
    }
    let usual = stated.unwrap_or(USUAL_SIZE);
    Ok([0, 1].map(|i| declared[i].unwrap_or(usual[i])))
}

/// The size that was asked for, else the model's own.
fn size(own: [u32; 2], asked: Option<InputSize>) -> Result<[u32; 2], Refused> {
    let size = asked.map_or(own, |asked| [asked.width, asked.height]);
    let [width, height] = size;
    match (InputSize { height, width }).check() {
        Some(_) => Ok(size),
        None => Err(Refused {
            field: SIZE,
            expected: format!("sides up to {MAX_SIDE} and {MAX_PIXELS} pixels at most"),
            found: format!("{size:?}"),
        }),
    }
}

/// The size of a dimension, if it is one.
fn open(dim: Option<u64>) -> Option<u32> {
    // Exporters write 0 or -1 for what they leave open.
    u32::try_from(dim?).ok().filter(|&size| size != 0)
}

fn is_scales(port: &Port) -> bool {
    const INT64: u64 = 7;
    let pair = matches!(port.dims[..], [_, Some(2)]);
    port.name.contains("size") && port.element == INT64 && pair
}

fn element(kind: u64) -> Option<Element> {
    match kind {
        1 => Some(Element::F32),
        2 => Some(Element::U8),
        10 => Some(Element::F16),
        _ => None,
    }
}

/// Inputs as an error names them.
fn list(ports: &[Port]) -> String {
    const NAMED: usize = 8;
    let kind = |element| match element {
        1 => "f32",
        2 => "u8",
        6 => "i32",
        7 => "i64",
        10 => "f16",
        11 => "f64",
        _ => "another type",
    };
    let named = ports.iter().take(NAMED).map(|port| {
        let dims = port.dims.iter().map(|&dim| match dim {
            Some(size) => (size as i64).to_string(),
            None => "any".into(),
        });
        let dims: Vec<String> = dims.collect();
        format!(
            "{:?} {} [{}]",
            port.name,
            kind(port.element),
            dims.join(", ")
        )
    });
    let mut list: Vec<String> = named.collect();
    if ports.len() > NAMED {
        list.push(format!("{} more", ports.len() - NAMED));
    }
    if list.is_empty() {
        return "none".into();
    }
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, element: u64, dims: &[i64]) -> Port {
        Port {
            name: name.into(),
            element,
            // Negative here is open.
            dims: dims.iter().map(|&d| u64::try_from(d).ok()).collect(),
        }
    }

    fn understood(ports: &[Port]) -> Option<(Input, Vec<Port>)> {
        let options = DetectorOptions::default();
        Input::new(ports, &manifest::Input::default(), &options, false).ok()
    }

    #[test]
    fn layout_element_and_size_are_read() {
        for (dims, layout, size, batches) in [
            ([1, 3, 416, 640], Layout::Nchw, [640, 416], false),
            ([1, 300, 400, 3], Layout::Nhwc, [400, 300], false),
            ([-1, 3, -1, -1], Layout::Nchw, [640, 640], true),
            ([-1, -1, -1, 3], Layout::Nhwc, [640, 640], true),
            ([-1, -1, -1, -1], Layout::Nchw, [640, 640], true),
            ([0, 3, 0, 0], Layout::Nchw, [640, 640], true),
        ] {
            let (input, fixed) = understood(&[port("x", 10, &dims)]).expect("a picture");
            assert_eq!((input.layout, input.size), (layout, size), "{dims:?}");
            assert_eq!((input.batches, input.element), (batches, Element::F16));
            let [width, height] = size.map(|side| Some(u64::from(side)));
            assert!(fixed[0].dims.contains(&width) && fixed[0].dims.contains(&height));
        }
        let sizes = port("orig_target_sizes", 7, &[-1, 2]);
        let both = [port("images", 1, &[-1, 3, 640, 640]), sizes];
        let (input, _) = understood(&both).expect("a picture and a size");
        assert_eq!(input.scales.as_deref(), Some("orig_target_sizes"));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for ports in [
            vec![],
            vec![port("x", 1, &[1, 3, 416])],
            vec![port("x", 1, &[1, 1, 416, 416])],
            vec![port("x", 1, &[2, 3, 416, 416])],
            vec![port("x", 11, &[1, 3, 416, 416])],
            vec![port("x", 7, &[1, 3, 416, 416])],
            vec![port("x", 1, &[1, 3, 65_536, 32])],
            vec![port("x", 1, &[1, 3, 8, 8]), port("y", 1, &[1, 3, 8, 8])],
            vec![port("x", 1, &[1, 3, 8, 8]), port("mask", 9, &[1, 2])],
        ] {
            assert!(understood(&ports).is_none(), "{ports:?}");
        }
    }

    #[test]
    fn the_size_that_is_asked_for_comes_first() {
        let wide = InputSize {
            height: 384,
            width: 1248,
        };
        assert!(matches!(size([416, 416], Some(wide)), Ok([1248, 384])));
        assert!(matches!(size([416, 416], None), Ok([416, 416])));
        let fixed = [Some(416), Some(416)];
        assert!(matches!(own_size(fixed, None), Ok([416, 416])));
        let open = [None, None];
        assert!(matches!(own_size(open, Some([320, 96])), Ok([320, 96])));
        assert!(matches!(own_size(open, None), Ok(USUAL_SIZE)));
        assert!(own_size(fixed, Some([320, 96])).is_err());
    }

    #[test]
    fn a_run_has_as_many_pictures_as_memory_allows() {
        let open = port("x", 1, &[-1, 3, -1, -1]);
        let (mut input, _) = understood(&[open]).expect("pictures");
        for (size, pictures) in [
            ([640, 640], 64),
            ([1920, 1088], 16),
            ([8192, 2048], 2),
            ([1, 1], 64),
        ] {
            input.size = size;
            assert_eq!(input.pictures(64), pictures, "{size:?}");
            assert_eq!(input.pictures(1), 1, "{size:?}");
        }
        input.batches = false;
        assert_eq!(input.pictures(64), 1);
    }
}
