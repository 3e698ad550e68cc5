//! What a network gave, as numbers of one kind.

use std::borrow::Cow;

use half::f16;
use ort::session::SessionOutputs;
use ort::value::TensorElementType;

/// An output of a run.
#[derive(Debug)]
pub(super) struct Tensor<'a> {
    name: String,
    dims: Vec<usize>,
    values: Cow<'a, [f32]>,
}

/// What an output holds for one picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) name: &'a str,
    /// Without the dimension of the pictures, where there is one.
    pub(super) dims: &'a [usize],
    pub(super) values: &'a [f32],
}

/// Every output of a run, in order.
///
/// # Errors
/// The first output that is no tensor of numbers: its name and type.
pub(super) fn tensors<'a>(outputs: &'a SessionOutputs<'_>) -> Result<Vec<Tensor<'a>>, String> {
    let names = outputs.keys().zip(0..outputs.len());
    let tensors = names.map(|(name, place)| {
        let value = &outputs[place];
        let foreign = || format!("{name:?} {}", value.dtype());
        let kind = value.dtype().tensor_type().ok_or_else(foreign)?;
        let (shape, values) = match kind {
            TensorElementType::Float32 => {
                let (shape, values) = value.try_extract_tensor::<f32>().map_err(|_| foreign())?;
                (shape, Cow::Borrowed(values))
            }
            TensorElementType::Float16 => {
                let (shape, values) = value.try_extract_tensor::<f16>().map_err(|_| foreign())?;
                (shape, values.iter().map(|v| v.to_f32()).collect())
            }
            // Numbers of classes and of boxes.
            TensorElementType::Int64 => {
                let (shape, values) = value.try_extract_tensor::<i64>().map_err(|_| foreign())?;
                (shape, values.iter().map(|&v| v as f32).collect())
            }
            TensorElementType::Int32 => {
                let (shape, values) = value.try_extract_tensor::<i32>().map_err(|_| foreign())?;
                (shape, values.iter().map(|&v| v as f32).collect())
            }
            _ => return Err(foreign()),
        };
        Ok(Tensor {
            name: name.to_owned(),
            dims: shape
                .iter()
                .map(|&d| usize::try_from(d).unwrap_or(0))
                .collect(),
            values,
        })
    });
    tensors.collect()
}

impl Tensor<'_> {
    /// What the output holds for one of `count` pictures; `None` if it is not
    /// made of as many parts.
    pub(super) fn picture(&self, index: usize, count: usize) -> Option<View<'_>> {
        let (dims, values) = match self.dims.split_first() {
            Some((&first, rest)) if first == count => {
                let length = rest.iter().product();
                (rest, self.values.get(index * length..)?.get(..length)?)
            }
            _ if count == 1 => (&self.dims[..], &self.values[..]),
            _ => return None,
        };
        Some(View {
            name: &self.name,
            dims,
            values,
        })
    }

    /// Name and shape, as an error names them.
    pub(super) fn describe(&self) -> String {
        format!("{:?} {:?}", self.name, self.dims)
    }
}

/// Outputs as an error names them.
pub(super) fn describe(tensors: &[Tensor]) -> String {
    const NAMED: usize = 8;
    let named = tensors.iter().take(NAMED);
    let mut list: Vec<String> = named.map(Tensor::describe).collect();
    if tensors.len() > NAMED {
        list.push(format!("{} more", tensors.len() - NAMED));
    }
    if list.is_empty() {
        return "none".into();
    }
    list.join(", ")
}

/// Whether all of these are numbers.
///
/// The bits of what is not finite are those of infinity or above. A maximum
/// of integers, unlike a search, is taken many at a time.
pub(super) fn finite(values: &[f32]) -> bool {
    let greatest = |bits: u32, value: &f32| bits.max(value.to_bits() & 0x7fff_ffff);
    values.iter().fold(0, greatest) < f32::INFINITY.to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dims: &[usize]) -> Tensor<'static> {
        let count = dims.iter().product();
        Tensor {
            name: "t".into(),
            dims: dims.to_vec(),
            values: (0..count).map(|i: usize| i as f32).collect(),
        }
    }

    #[test]
    fn a_picture_has_its_part_of_an_output() {
        let two = tensor(&[2, 3]);
        let second = two.picture(1, 2).expect("two parts");
        assert_eq!(
            (second.dims, second.values),
            (&[3][..], &[3.0, 4.0, 5.0][..])
        );
        assert!(two.picture(0, 3).is_none());
        // An output of boxes alone, however many.
        let open = two.picture(0, 1).expect("one picture");
        assert_eq!((open.dims, open.values.len()), (&[2, 3][..], 6));
    }

    #[test]
    fn what_is_no_number_is_seen() {
        assert!(finite(&[]) && finite(&[0.0, -0.0, f32::MAX, f32::MIN]));
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!finite(&[1.0, bad, 2.0]));
        }
    }
}
