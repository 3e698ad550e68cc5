//! Whether bytes are a whole ONNX model, and what it takes, before a backend
//! sees them.
//!
//! The embedded backend cannot return from a panic: it ends the process. What
//! it takes for granted is checked here. An ONNX file is one protobuf
//! message, a `ModelProto`; the field numbers are those of `onnx.proto`.

use std::collections::BTreeSet;

/// Graphs within operations of graphs, and so on, may go as deep as this.
const MAX_DEPTH: usize = 16;

/// What runs over a sequence. No detector in pictures has it, and in the
/// embedded runtime it panics if its shapes are not what they should be.
pub(super) const RECURRENT: [&str; 4] = ["GRU", "LSTM", "RNN", "Scan"];

/// An input of a model's graph: a tensor that is no weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) name: String,
    /// A `TensorProto.DataType`; 0 if it is not stated.
    pub(super) element: u64,
    /// Sizes of the dimensions; `None` is one that is left open.
    pub(super) dims: Vec<Option<u64>>,
}

/// What the graph of a model takes that passed [`check`], in its order.
pub(super) fn inputs(bytes: &[u8]) -> Vec<Port> {
    const GRAPH: u64 = 7;
    const INITIALIZER: u64 = 5;
    const INPUT: u64 = 11;

    let (mut ports, mut weights) = (Vec::new(), BTreeSet::new());
    let graphs = Fields::new(bytes).flatten().filter(|(n, _)| *n == GRAPH);
    for graph in graphs.filter_map(|(_, value)| value.bytes()) {
        for (number, value) in Fields::new(graph).flatten() {
            match (number, value.bytes()) {
                (INITIALIZER, Some(tensor)) => weights.extend(check_tensor(tensor)),
                (INPUT, Some(info)) => ports.extend(port(info)),
                _ => {}
            }
        }
    }
    ports.retain(|port: &Port| !weights.contains(port.name.as_str()));
    ports
}

/// What a `ValueInfoProto` says of a tensor.
pub(super) fn port(info: &[u8]) -> Result<Port, String> {
    const TYPE: u64 = 2;
    const TENSOR: u64 = 1;
    const ELEMENT: u64 = 1;
    const SHAPE: u64 = 2;
    const DIMENSION: u64 = 1;
    const SIZE: u64 = 1;

    let mut port = Port {
        name: check_info(info)?.to_owned(),
        element: 0,
        dims: Vec::new(),
    };
    let tensor = message(info, TYPE).and_then(|kind| message(kind, TENSOR));
    for field in Fields::new(tensor.unwrap_or_default()) {
        match field? {
            (ELEMENT, Value::Number(element)) => port.element = element,
            (SHAPE, Value::Bytes(shape)) => {
                let dims = Fields::new(shape)
                    .flatten()
                    .filter(|(n, _)| *n == DIMENSION);
                port.dims = dims
                    .map(|(_, dim)| {
                        let mut fields = Fields::new(dim.bytes().unwrap_or_default()).flatten();
                        fields.find_map(|(number, value)| match (number, value) {
                            (SIZE, Value::Number(size)) => Some(size),
                            _ => None,
                        })
                    })
                    .collect();
            }
            _ => {}
        }
    }
    Ok(port)
}

/// The first message that a field of this number holds.
fn message(bytes: &[u8], number: u64) -> Option<&[u8]> {
    let mut fields = Fields::new(bytes).flatten();
    fields.find_map(|(n, value)| (n == number).then(|| value.bytes())?)
}

/// Checks that the bytes are a whole `ModelProto` whose graph computes every
/// output that it names, without the operations that are `barred`.
///
/// # Errors
/// What was found instead, for the end of a sentence.
pub(super) fn check(bytes: &[u8], barred: &[&str]) -> Result<(), String> {
    const IR_VERSION: u64 = 1;
    const GRAPH: u64 = 7;

    if bytes.is_empty() {
        return Err("an empty file".into());
    }
    let mut version = None;
    let mut graphs = Vec::new();
    for field in Fields::new(bytes) {
        match field {
            Ok((IR_VERSION, Value::Number(number))) => version = Some(number),
            Ok((GRAPH, Value::Bytes(graph))) => graphs.push(graph),
            Ok(_) => {}
            Err(Broken(at)) if version.is_some() => {
                let length = bytes.len();
                return Err(format!(
                    "a field at byte {at} that {length} bytes do not hold"
                ));
            }
            Err(_) => break,
        }
    }
    match (version, &graphs[..]) {
        (None, _) => Err("something else".into()),
        (_, [graph]) => check_graph(
            graph,
            Bounds {
                depth: MAX_DEPTH,
                barred,
            },
        ),
        (_, graphs) => Err(format!("{} graphs", graphs.len())),
    }
}

/// What a graph may hold.
#[derive(Clone, Copy)]
struct Bounds<'b> {
    /// How deep graphs may lie in it.
    depth: usize,
    /// Operations that may not.
    barred: &'b [&'b str],
}

/// Checks a `GraphProto`.
fn check_graph(graph: &[u8], bounds: Bounds) -> Result<(), String> {
    const NODE: u64 = 1;
    const INITIALIZER: u64 = 5;
    const INPUT: u64 = 11;
    const OUTPUT: u64 = 12;

    let mut known = BTreeSet::new();
    let mut outputs = Vec::new();
    for field in Fields::new(graph) {
        match field? {
            (NODE, Value::Bytes(node)) => check_node(node, &mut known, bounds)?,
            (INITIALIZER, Value::Bytes(tensor)) => drop(known.insert(check_tensor(tensor)?)),
            (INPUT, Value::Bytes(info)) => drop(known.insert(check_info(info)?)),
            (OUTPUT, Value::Bytes(info)) => outputs.push(check_info(info)?),
            _ => {}
        }
    }
    match outputs.iter().find(|output| !known.contains(*output)) {
        Some(output) => Err(format!("an output {output:?} that nothing computes")),
        None => Ok(()),
    }
}

/// Checks a `NodeProto`, and notes the names of what it computes.
fn check_node<'a>(
    node: &'a [u8],
    known: &mut BTreeSet<&'a str>,
    bounds: Bounds,
) -> Result<(), String> {
    const INPUT: u64 = 1;
    const OUTPUT: u64 = 2;
    const NAME: u64 = 3;
    const OPERATION: u64 = 4;
    const ATTRIBUTE: u64 = 5;

    for field in Fields::new(node) {
        match field? {
            (OUTPUT, Value::Bytes(bytes)) => drop(known.insert(name(bytes)?)),
            (INPUT | NAME, Value::Bytes(bytes)) => drop(name(bytes)?),
            (OPERATION, Value::Bytes(bytes)) => {
                let operation = name(bytes)?;
                if bounds.barred.contains(&operation) {
                    return Err(format!(
                        "the operation {operation}, which this runtime does not run"
                    ));
                }
            }
            (ATTRIBUTE, Value::Bytes(attribute)) => check_attribute(attribute, bounds)?,
            _ => {}
        }
    }
    Ok(())
}

/// Checks an `AttributeProto`: its name, and the constants and graphs in it.
fn check_attribute(attribute: &[u8], bounds: Bounds) -> Result<(), String> {
    const NAME: u64 = 1;
    const TENSOR: u64 = 5;
    const GRAPH: u64 = 6;
    const TENSORS: u64 = 10;
    const GRAPHS: u64 = 11;

    for field in Fields::new(attribute) {
        match field? {
            (NAME, Value::Bytes(bytes)) => drop(name(bytes)?),
            (TENSOR | TENSORS, Value::Bytes(tensor)) => drop(check_tensor(tensor)?),
            (GRAPH | GRAPHS, Value::Bytes(graph)) => {
                let depth = bounds.depth.checked_sub(1);
                let depth = depth.ok_or("graphs in graphs without end")?;
                check_graph(graph, Bounds { depth, ..bounds })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks a `TensorProto` and gives its name.
fn check_tensor(tensor: &[u8]) -> Result<&str, String> {
    const DATA_TYPE: u64 = 2;
    const NAME: u64 = 8;
    const RAW_DATA: u64 = 9;
    const STRING: u64 = 8;

    let (mut called, mut kind, mut raw) = ("", 0, false);
    for field in Fields::new(tensor) {
        match field? {
            (NAME, Value::Bytes(bytes)) => called = name(bytes)?,
            (DATA_TYPE, Value::Number(number)) => kind = number,
            (RAW_DATA, _) => raw = true,
            _ => {}
        }
    }
    if kind == STRING && raw {
        return Err(format!("a constant {called:?} of strings in raw bytes"));
    }
    Ok(called)
}

/// Checks a `ValueInfoProto` and gives its name.
fn check_info(info: &[u8]) -> Result<&str, String> {
    const NAME: u64 = 1;

    let mut called = "";
    for field in Fields::new(info) {
        if let (NAME, Value::Bytes(bytes)) = field? {
            called = name(bytes)?;
        }
    }
    Ok(called)
}

/// A name, which C must be able to hold.
fn name(bytes: &[u8]) -> Result<&str, String> {
    match str::from_utf8(bytes) {
        Ok(name) if !name.contains('\0') => Ok(name),
        _ => Err(format!(
            "a name that is no text, {:?}",
            String::from_utf8_lossy(bytes)
        )),
    }
}

/// The fields of one protobuf message, one after the other.
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

/// A field's value, without its meaning.
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

impl<'a> Value<'a> {
    /// The value, where it has a length of its own.
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Number(_) | Self::Fixed => None,
        }
    }
}

/// Where a field starts that is cut off, or is none.
pub(super) struct Broken(usize);

impl From<Broken> for String {
    fn from(Broken(at): Broken) -> Self {
        format!("a graph with a broken field at byte {at} of a part")
    }
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Number and value of the field at `self.at`, which moves on.
    fn field(&mut self) -> Result<(u64, Value<'a>), Broken> {
        let start = self.at;
        let key = self.varint(start)?;
        let value = match key & 7 {
            0 => Value::Number(self.varint(start)?),
            1 => self.take(8, start).map(|_| Value::Fixed)?,
            2 => {
                let length = self.varint(start)?;
                Value::Bytes(self.take(length, start)?)
            }
            5 => self.take(4, start).map(|_| Value::Fixed)?,
            _ => return Err(Broken(start)),
        };
        match key >> 3 {
            0 => Err(Broken(start)),
            number => Ok((number, value)),
        }
    }

    /// Seven bits a byte, the least significant first.
    fn varint(&mut self, start: usize) -> Result<u64, Broken> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let &[byte] = self.take(1, start)? else { break };
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Broken(start))
    }

    fn take(&mut self, length: u64, start: usize) -> Result<&'a [u8], Broken> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = usize::try_from(length).ok().and_then(|l| rest.get(..l));
        let taken = taken.ok_or(Broken(start))?;
        self.at += taken.len();
        Ok(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.at = self.bytes.len();
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// ir_version = 8, producer_name = "me", a graph: a node that computes "y"
    /// of "x", an input "x", an output "y".
    const MODEL: &[u8] =
        b"\x08\x08\x12\x02me\x3a\x12\x0a\x06\x0a\x01x\x12\x01y\x5a\x03\x0a\x01x\x62\x03\x0a\x01y";

    #[test]
    fn a_whole_model_passes() {
        assert_eq!(check(MODEL, &[]), Ok(()));
    }

    #[test]
    fn what_is_no_model_is_told() {
        for (bytes, found) in [
            (&b""[..], "an empty file"),
            (b"# a readme\n", "something else"),
            (b"\x89PNG\r\n\x1a\n", "something else"),
            (b"\0\0\0\0", "something else"),
            (b"\x08\x08\x12\x02me", "0 graphs"),
            (
                b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                "something else",
            ),
        ] {
            assert_eq!(check(bytes, &[]), Err(found.to_owned()));
        }
    }

    #[test]
    fn a_part_of_a_model_is_told() {
        for length in 0..MODEL.len() {
            assert!(check(&MODEL[..length], &[]).is_err(), "{length}");
        }
        let cut = check(&MODEL[..MODEL.len() - 1], &[]).expect_err("cut off");
        assert_eq!(cut, "a field at byte 6 that 25 bytes do not hold");
    }

    /// A protobuf field of bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn model(graph: &[u8]) -> Vec<u8> {
        [&[0x08, 8][..], &field(7, graph)].concat()
    }

    #[test]
    fn a_graph_computes_its_outputs() {
        let output = field(12, &field(1, b"y"));
        let nothing = Err("an output \"y\" that nothing computes".to_owned());
        assert_eq!(check(&model(&output), &[]), nothing);
        let other = field(1, &field(2, b"z"));
        assert_eq!(check(&model(&[&other[..], &output].concat()), &[]), nothing);
        for source in [
            field(1, &field(2, b"y")),
            field(5, &field(8, b"y")),
            field(11, &field(1, b"y")),
        ] {
            assert_eq!(check(&model(&[&source[..], &output].concat()), &[]), Ok(()));
        }
        // The same in a graph that an operation's attribute holds.
        let inner = field(1, &field(5, &field(6, &output)));
        assert_eq!(check(&model(&inner), &[]), nothing);
    }

    #[test]
    fn what_is_barred_is_found_at_any_depth() {
        let mut graph = field(1, &field(4, b"LSTM"));
        for _ in 0..3 {
            assert_eq!(check(&model(&graph), &[]), Ok(()));
            let found = check(&model(&graph), &RECURRENT).expect_err("barred");
            assert_eq!(found, "the operation LSTM, which this runtime does not run");
            graph = field(1, &field(5, &field(6, &graph)));
        }
    }

    #[test]
    fn a_graph_has_an_end() {
        let mut graph = Vec::new();
        for _ in 0..=MAX_DEPTH {
            assert_eq!(check(&model(&graph), &[]), Ok(()));
            graph = field(1, &field(5, &field(6, &graph)));
        }
        let endless = Err("graphs in graphs without end".to_owned());
        assert_eq!(check(&model(&graph), &[]), endless);
    }

    #[test]
    fn names_are_text_and_strings_are_not_raw() {
        for bytes in [&b"a\0b"[..], b"\xff"] {
            for named in [
                field(1, &field(1, bytes)),
                field(1, &field(4, bytes)),
                field(1, &field(5, &field(1, bytes))),
                field(5, &field(8, bytes)),
                field(11, &field(1, bytes)),
            ] {
                let found = check(&model(&named), &[]).expect_err("no text");
                assert!(found.starts_with("a name that is no text"), "{found}");
            }
        }
        let strings = [&[0x10, 8][..], &field(9, b"raw"), &field(8, b"c")].concat();
        let found = check(&model(&field(5, &strings)), &[]).expect_err("raw strings");
        assert_eq!(found, "a constant \"c\" of strings in raw bytes");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = check(&bytes, &[]);
            let _ = check(&[MODEL, &bytes].concat(), &[]);
        }
    }
}
