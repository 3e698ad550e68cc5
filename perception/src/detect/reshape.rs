//! A model whose inputs have other dimensions, and whose outputs are of a type
//! that every runtime can give.
//!
//! A network that is convolutional from end to end runs at any size; what
//! fixes the size is what its file says of inputs, outputs and the values
//! between. The sizes of the inputs are set here, and those of the rest left
//! out, for the runtime to infer.

use super::onnx::{Fields, Port, Value, port};

/// The model with the dimensions of these inputs, and without those of any
/// other value. Outputs of i64 become f32 if these alone can be had. The
/// bytes have passed [`super::onnx::check`].
pub(super) fn with_inputs(model: &[u8], inputs: &[Port], floats: bool) -> Vec<u8> {
    const GRAPH: u64 = 7;

    let mut out = Vec::with_capacity(model.len() + 64);
    rewrite(model, &mut out, |number, value, out| match value {
        Value::Bytes(bytes) if number == GRAPH => {
            put(out, GRAPH, &graph(bytes, inputs, floats));
            true
        }
        _ => false,
    });
    out
}

/// A `GraphProto` with these inputs.
fn graph(bytes: &[u8], inputs: &[Port], floats: bool) -> Vec<u8> {
    const INPUT: u64 = 11;
    const OUTPUT: u64 = 12;
    const VALUE_INFO: u64 = 13;

    let mut out = Vec::with_capacity(bytes.len());
    rewrite(bytes, &mut out, |number, value, out| {
        match (number, value.bytes()) {
            (VALUE_INFO, _) => {}
            (INPUT, Some(info)) => match inputs.iter().find(|port| is_named(info, &port.name)) {
                Some(port) => put(out, INPUT, &value_info(info, Some(port))),
                None => return false,
            },
            (OUTPUT, Some(info)) => match whole_numbers(info).filter(|_| floats) {
                Some(name) => cast(out, name),
                None => put(out, OUTPUT, &value_info(info, None)),
            },
            _ => return false,
        }
        true
    });
    out
}

/// The name of an output of i64.
fn whole_numbers(info: &[u8]) -> Option<&str> {
    const INT64: u64 = 7;
    let port = port(info).ok().filter(|port| port.element == INT64);
    port.and_then(|_| name_of(info))
}

/// Appends to a `GraphProto` a node that casts a value to f32, and what it
/// makes as an output.
fn cast(graph: &mut Vec<u8>, name: &str) {
    const NODE: u64 = 1;
    const OUTPUT: u64 = 12;
    // FLOAT as the value of the attribute `to`, whose type is INT.
    const TO_FLOAT: &[u8] = b"\x0a\x02to\x18\x01\xa0\x01\x02";

    let named = format!("{name} as f32");
    let mut node = Vec::new();
    put(&mut node, 1, name.as_bytes());
    put(&mut node, 2, named.as_bytes());
    put(&mut node, 4, b"Cast");
    put(&mut node, 5, TO_FLOAT);
    put(graph, NODE, &node);
    let mut info = Vec::new();
    put(&mut info, 1, named.as_bytes());
    // A tensor of FLOAT.
    put(&mut info, 2, b"\x0a\x02\x08\x01");
    put(graph, OUTPUT, &info);
}

/// A `ValueInfoProto` with the shape of a port, or with none.
fn value_info(info: &[u8], port: Option<&Port>) -> Vec<u8> {
    const TYPE: u64 = 2;
    const TENSOR: u64 = 1;
    const SHAPE: u64 = 2;

    let mut out = Vec::new();
    rewrite(info, &mut out, |number, value, out| {
        let (TYPE, Some(kind)) = (number, value.bytes()) else {
            return false;
        };
        let mut typed = Vec::new();
        rewrite(kind, &mut typed, |number, value, typed| {
            let (TENSOR, Some(tensor)) = (number, value.bytes()) else {
                return false;
            };
            let mut shaped = Vec::new();
            rewrite(tensor, &mut shaped, |number, _, _| number == SHAPE);
            if let Some(port) = port {
                put(&mut shaped, SHAPE, &shape(&port.dims));
            }
            put(typed, TENSOR, &shaped);
            true
        });
        put(out, TYPE, &typed);
        true
    });
    out
}

/// A `TensorShapeProto`; open dimensions are named by their place.
fn shape(dims: &[Option<u64>]) -> Vec<u8> {
    const DIMENSION: u64 = 1;
    const PARAMETER: u64 = 2;

    let mut out = Vec::new();
    for (place, size) in dims.iter().enumerate() {
        let mut dimension = Vec::new();
        match size {
            // The key of a number in field 1.
            Some(size) => {
                dimension.push(1 << 3);
                varint(&mut dimension, *size);
            }
            None => put(&mut dimension, PARAMETER, format!("open{place}").as_bytes()),
        }
        put(&mut out, DIMENSION, &dimension);
    }
    out
}

/// Copies the fields of a message, except those that `change` takes over.
fn rewrite(
    bytes: &[u8],
    out: &mut Vec<u8>,
    mut change: impl FnMut(u64, Value, &mut Vec<u8>) -> bool,
) {
    let mut fields = Fields::new(bytes);
    let mut start = 0;
    while let Some(Ok((number, value))) = fields.next() {
        if !change(number, value, out) {
            out.extend_from_slice(&bytes[start..fields.at]);
        }
        start = fields.at;
    }
}

fn is_named(info: &[u8], name: &str) -> bool {
    name_of(info) == Some(name)
}

fn name_of(info: &[u8]) -> Option<&str> {
    const NAME: u64 = 1;
    let mut fields = Fields::new(info).flatten();
    let name = fields.find_map(|(number, value)| (number == NAME).then(|| value.bytes())?);
    str::from_utf8(name?).ok()
}

/// Appends a field that has a length of its own.
fn put(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::super::onnx;
    use super::*;

    fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, number, bytes);
        out
    }

    /// A value of f32 with this name and shape.
    fn info(name: &str, dims: &[Option<u64>]) -> Vec<u8> {
        let tensor = [&[1 << 3, 1][..], &field(2, &shape(dims))].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    }

    fn model(fields: &[Vec<u8>]) -> Vec<u8> {
        let graph = [field(1, &[field(1, b"x"), field(2, b"y")].concat())];
        let graph = [graph.concat(), fields.concat()].concat();
        [&[1 << 3, 8][..], &field(7, &graph), &field(2, b"me")].concat()
    }

    #[test]
    fn the_named_inputs_change_and_inferred_shapes_go() {
        let fixed = [Some(1), Some(3), Some(416), Some(300)];
        let before = model(&[
            field(11, &info("x", &fixed)),
            field(11, &info("k", &[Some(1), None])),
            field(12, &info("y", &fixed)),
            field(13, &info("z", &fixed)),
        ]);
        assert_eq!(onnx::check(&before, &[]), Ok(()));
        let wide = Port {
            name: "x".into(),
            element: 1,
            dims: vec![None, Some(3), Some(384), Some(1248)],
        };
        let after = with_inputs(&before, std::slice::from_ref(&wide), false);
        assert_eq!(onnx::check(&after, &[]), Ok(()));
        let [x, k] = &onnx::inputs(&after)[..] else {
            panic!("two inputs")
        };
        assert_eq!(*x, wide);
        assert_eq!((k.name.as_str(), &k.dims[..]), ("k", &[Some(1), None][..]));
        // An output without a shape, no value between, all else as it was.
        let bare = field(2, &field(1, &[1 << 3, 1]));
        let expected = model(&[
            field(11, &info("x", &wide.dims)),
            field(11, &info("k", &[Some(1), None])),
            field(12, &[field(1, b"y"), bare].concat()),
        ]);
        assert_eq!(after, expected);
    }
}
