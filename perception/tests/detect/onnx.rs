//! Small ONNX models, encoded by hand: the fields of `onnx.proto` that they
//! need.

const FLOAT: u64 = 1;

/// One message of protobuf's wire format.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, mut number: u64) -> Self {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    fn number(self, field: u64, number: u64) -> Self {
        self.varint(field << 3).varint(number)
    }

    fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.varint(field << 3 | 2).varint(bytes.len() as u64);
        message.0.extend(bytes);
        message
    }
}

/// An operation: type, inputs, outputs, integer attributes.
pub(crate) struct Node<'a>(
    pub(crate) &'a str,
    pub(crate) &'a [&'a str],
    pub(crate) &'a [&'a str],
    pub(crate) &'a [(&'a str, u64)],
);

/// A graph of f32 tensors, with one input and one output.
pub(crate) struct Graph<'a> {
    pub(crate) nodes: &'a [Node<'a>],
    /// Constants: name, shape, values.
    pub(crate) constants: &'a [(&'a str, &'a [u64], &'a [f32])],
    pub(crate) input: (&'a str, &'a [Option<u64>]),
    /// The shape is as declared, which need not be as computed; `None` is a
    /// dimension of any size.
    pub(crate) output: (&'a str, &'a [Option<u64>]),
}

impl Graph<'_> {
    /// The bytes of an ONNX file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut graph = Message::default();
        for Node(operation, inputs, outputs, attributes) in self.nodes {
            let mut node = Message::default();
            for input in *inputs {
                node = node.bytes(1, input.as_bytes());
            }
            for output in *outputs {
                node = node.bytes(2, output.as_bytes());
            }
            node = node.bytes(4, operation.as_bytes());
            for (name, value) in *attributes {
                const INT: u64 = 2;
                let attribute = Message::default().bytes(1, name.as_bytes());
                node = node.bytes(5, &attribute.number(3, *value).number(20, INT).0);
            }
            graph = graph.bytes(1, &node.0);
        }
        graph = graph.bytes(2, b"graph");
        for (name, shape, values) in self.constants {
            let mut tensor = Message::default();
            for dimension in *shape {
                tensor = tensor.number(1, *dimension);
            }
            let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let tensor = tensor.number(2, FLOAT).bytes(8, name.as_bytes());
            graph = graph.bytes(5, &tensor.bytes(9, &raw).0);
        }
        graph = graph.bytes(11, &value_info(self.input));
        graph = graph.bytes(12, &value_info(self.output));

        let opset = Message::default().number(2, 13);
        let model = Message::default().number(1, 8).bytes(7, &graph.0);
        model.bytes(8, &opset.0).0
    }
}

fn value_info((name, dimensions): (&str, &[Option<u64>])) -> Vec<u8> {
    let mut shape = Message::default();
    for (index, dimension) in dimensions.iter().enumerate() {
        let dimension = match dimension {
            Some(size) => Message::default().number(1, *size),
            None => Message::default().bytes(2, format!("any{index}").as_bytes()),
        };
        shape = shape.bytes(1, &dimension.0);
    }
    let tensor = Message::default().number(1, FLOAT).bytes(2, &shape.0);
    let kind = Message::default().bytes(1, &tensor.0);
    let info = Message::default().bytes(1, name.as_bytes());
    info.bytes(2, &kind.0).0
}

/// A YOLOX of three classes for 32x32 pixels that gives, for every picture,
/// these of its 21 rows, and zeros for the rest: a constant, plus the input's
/// mean times zero.
pub(crate) fn constant_yolox(rows: &[(usize, [f32; 8])]) -> Vec<u8> {
    let mut values = vec![0.0; 21 * 8];
    for (index, row) in rows {
        values[index * 8..][..8].copy_from_slice(row);
    }
    Graph {
        nodes: &[
            Node("ReduceMean", &["images"], &["mean"], &[("keepdims", 0)]),
            Node("Mul", &["mean", "zero"], &["nothing"], &[]),
            Node("Add", &["rows", "nothing"], &["output"], &[]),
        ],
        constants: &[("zero", &[], &[0.0]), ("rows", &[1, 21, 8], &values)],
        input: ("images", &[Some(1), Some(3), Some(32), Some(32)]),
        output: ("output", &[Some(1), Some(21), Some(8)]),
    }
    .encode()
}

/// A network whose output is its input, rectified.
pub(crate) fn relu(shape: &[Option<u64>]) -> Vec<u8> {
    Graph {
        nodes: &[Node("Relu", &["images"], &["output"], &[])],
        constants: &[],
        input: ("images", shape),
        output: ("output", shape),
    }
    .encode()
}

/// A network that tells only when it runs how large its output is: sums of
/// the places of all values that are not zero, [1, 21, count].
pub(crate) fn places(size: u64) -> Vec<u8> {
    const TO_FLOAT: u64 = 1;
    Graph {
        nodes: &[
            Node("NonZero", &["images"], &["places"], &[]),
            Node("Cast", &["places"], &["floats"], &[("to", TO_FLOAT)]),
            Node("MatMul", &["ones", "floats"], &["output"], &[]),
        ],
        constants: &[("ones", &[1, 21, 4], &[1.0; 84])],
        input: ("images", &[Some(1), Some(3), Some(size), Some(size)]),
        output: ("output", &[None, None, None]),
    }
    .encode()
}
