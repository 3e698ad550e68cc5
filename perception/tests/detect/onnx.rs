//! Small ONNX models, encoded by hand: the fields of `onnx.proto` that they
//! need.

/// A `TensorProto.DataType`.
pub(crate) const F32: u64 = 1;
pub(crate) const U8: u64 = 2;
pub(crate) const I64: u64 = 7;
const BOOL: u64 = 9;
pub(crate) const F16: u64 = 10;
pub(crate) const F64: u64 = 11;

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

/// An operation: type, inputs, outputs, attributes.
pub(crate) struct Node<'a>(
    pub(crate) &'a str,
    pub(crate) &'a [&'a str],
    pub(crate) &'a [&'a str],
    pub(crate) &'a [(&'a str, Attribute<'a>)],
);

pub(crate) enum Attribute<'a> {
    Int(u64),
    Ints(&'a [u64]),
    Body(&'a Graph<'a>),
}

use Attribute::{Body, Int, Ints};

/// An input or output: name, type of element, shape. The shape is as
/// declared, which need not be as computed; `None` is a dimension of any size.
#[derive(Clone, Copy)]
pub(crate) struct Port<'a>(
    pub(crate) &'a str,
    pub(crate) u64,
    pub(crate) &'a [Option<u64>],
);

/// A graph.
pub(crate) struct Graph<'a> {
    pub(crate) nodes: &'a [Node<'a>],
    /// Constants of f32: name, shape, values.
    pub(crate) constants: &'a [(&'a str, &'a [u64], &'a [f32])],
    pub(crate) inputs: &'a [Port<'a>],
    pub(crate) outputs: &'a [Port<'a>],
}

impl Graph<'_> {
    /// The bytes of an ONNX file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let opset = Message::default().number(2, 13);
        let model = Message::default().number(1, 8).bytes(7, &self.message().0);
        model.bytes(8, &opset.0).0
    }

    /// A `GraphProto`.
    fn message(&self) -> Message {
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
                let attribute = Message::default().bytes(1, name.as_bytes());
                let attribute = match value {
                    Int(value) => attribute.number(3, *value).number(20, 2),
                    Ints(values) => {
                        let values = values.iter().fold(attribute, |a, v| a.number(8, *v));
                        values.number(20, 7)
                    }
                    Body(graph) => attribute.bytes(6, &graph.message().0).number(20, 5),
                };
                node = node.bytes(5, &attribute.0);
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
            let tensor = tensor.number(2, F32).bytes(8, name.as_bytes());
            graph = graph.bytes(5, &tensor.bytes(9, &raw).0);
        }
        for port in self.inputs {
            graph = graph.bytes(11, &value_info(port));
        }
        for port in self.outputs {
            graph = graph.bytes(12, &value_info(port));
        }
        graph
    }
}

fn value_info(Port(name, element, dimensions): &Port) -> Vec<u8> {
    let mut shape = Message::default();
    for (index, dimension) in dimensions.iter().enumerate() {
        let dimension = match dimension {
            Some(size) => Message::default().number(1, *size),
            None => Message::default().bytes(2, format!("any{index}").as_bytes()),
        };
        shape = shape.bytes(1, &dimension.0);
    }
    let tensor = Message::default().number(1, *element).bytes(2, &shape.0);
    let kind = Message::default().bytes(1, &tensor.0);
    let info = Message::default().bytes(1, name.as_bytes());
    info.bytes(2, &kind.0).0
}

/// An output of a network that gives the same for every picture.
pub(crate) struct Constant<'a> {
    pub(crate) name: &'a str,
    pub(crate) element: u64,
    pub(crate) shape: &'a [u64],
    pub(crate) values: Vec<f32>,
}

/// A network that gives the same for every picture: constants, plus the
/// input's mean times zero.
pub(crate) fn constant(input: Port, outputs: &[Constant]) -> Vec<u8> {
    let mut nodes = vec![
        Node("Cast", &["picture"], &["floats"], &[("to", Int(F32))]),
        Node(
            "ReduceMean",
            &["floats"],
            &["mean"],
            &[("keepdims", Int(0))],
        ),
        Node("Mul", &["mean", "zero"], &["nothing"], &[]),
    ];
    let names: Vec<[String; 2]> = outputs
        .iter()
        .map(|output| ["constant", "sum"].map(|what| format!("{what} {}", output.name)))
        .collect();
    let lists: Vec<_> = names
        .iter()
        .zip(outputs)
        .map(|([constant, sum], output)| {
            let sums = [constant.as_str(), "nothing"];
            (
                sums,
                [sum.as_str()],
                [output.name],
                [("to", Int(output.element))],
            )
        })
        .collect();
    for (sums, sum, output, to) in &lists {
        nodes.push(Node("Add", sums, sum, &[]));
        nodes.push(Node("Cast", sum, output, to));
    }
    let mut constants: Vec<(&str, &[u64], &[f32])> = vec![("zero", &[], &[0.0])];
    for ([constant, _], output) in names.iter().zip(outputs) {
        constants.push((constant, output.shape, &output.values));
    }
    let shapes: Vec<Vec<Option<u64>>> = outputs
        .iter()
        .map(|output| output.shape.iter().map(|&size| Some(size)).collect())
        .collect();
    let ports = outputs.iter().zip(&shapes);
    let ports: Vec<Port> = ports
        .map(|(o, shape)| Port(o.name, o.element, shape))
        .collect();
    Graph {
        nodes: &nodes,
        constants: &constants,
        inputs: &[Port("picture", input.1, input.2)],
        outputs: &ports,
    }
    .encode()
}

/// A YOLOX of three classes for 32x32 pixels that gives, for every picture,
/// these of its 21 rows, and zeros for the rest.
pub(crate) fn constant_yolox(rows: &[(usize, [f32; 8])]) -> Vec<u8> {
    let mut values = vec![0.0; 21 * 8];
    for (index, row) in rows {
        values[index * 8..][..8].copy_from_slice(row);
    }
    let output = Constant {
        name: "output",
        element: F32,
        shape: &[1, 21, 8],
        values,
    };
    constant(Port("", F32, &SMALL), &[output])
}

/// One picture of 32x32 pixels.
pub(crate) const SMALL: [Option<u64>; 4] = [Some(1), Some(3), Some(32), Some(32)];

/// A YOLOX of three classes for pictures of 32x32 pixels, any number of them,
/// that sees one box of the second class: the objectness is the mean of the
/// picture's values, of which 100 is 1. Its type of values is `element`.
pub(crate) fn bright_yolox(element: u64, layout: [Option<u64>; 4]) -> Vec<u8> {
    let half = 0.5_f32.ln();
    let (mut rows, mut gain) = (vec![0.0; 21 * 8], vec![0.0; 21 * 8]);
    rows[20 * 8..].copy_from_slice(&[0.5, 0.5, half, half, 0.0, 0.0, 1.0, 0.0]);
    gain[20 * 8 + 4] = 0.01;
    let given = if element == F16 { F16 } else { F32 };
    let all = [("axes", Ints(&[1, 2, 3])), ("keepdims", Int(1))];
    let first = [("axes", Ints(&[1])), ("keepdims", Int(0))];
    Graph {
        nodes: &[
            Node("Cast", &["images"], &["floats"], &[("to", Int(F32))]),
            Node("ReduceMean", &["floats"], &["mean"], &all),
            Node("Mul", &["mean", "gain"], &["gained"], &[]),
            Node("Add", &["gained", "rows"], &["summed"], &[]),
            Node("ReduceMean", &["summed"], &["reduced"], &first),
            Node("Cast", &["reduced"], &["output"], &[("to", Int(given))]),
        ],
        constants: &[
            ("gain", &[1, 1, 21, 8], &gain),
            ("rows", &[1, 1, 21, 8], &rows),
        ],
        inputs: &[Port("images", element, &layout)],
        outputs: &[Port("output", given, &[layout[0], Some(21), Some(8)])],
    }
    .encode()
}

/// The same, but the objectness is that of the brightest picture of the run.
pub(crate) fn brightest_yolox(layout: [Option<u64>; 4]) -> Vec<u8> {
    let half = 0.5_f32.ln();
    let (mut rows, mut gain) = (vec![0.0; 21 * 8], vec![0.0; 21 * 8]);
    rows[20 * 8..].copy_from_slice(&[0.5, 0.5, half, half, 0.0, 0.0, 1.0, 0.0]);
    gain[20 * 8 + 4] = 0.01;
    let each = [("axes", Ints(&[2, 3])), ("keepdims", Int(1))];
    let one = [("axes", Ints(&[1])), ("keepdims", Int(0))];
    let all = [("axes", Ints(&[0])), ("keepdims", Int(1))];
    Graph {
        nodes: &[
            Node("ReduceMean", &["images"], &["planes"], &each),
            Node("ReduceMean", &["planes"], &["mean"], &one),
            Node("ReduceMax", &["mean"], &["brightest"], &all),
            Node("Mul", &["mean", "zero"], &["nothing"], &[]),
            Node("Add", &["nothing", "brightest"], &["seen"], &[]),
            Node("Mul", &["seen", "gain"], &["gained"], &[]),
            Node("Add", &["gained", "rows"], &["output"], &[]),
        ],
        constants: &[
            ("zero", &[], &[0.0]),
            ("gain", &[1, 21, 8], &gain),
            ("rows", &[1, 21, 8], &rows),
        ],
        inputs: &[Port("images", F32, &layout)],
        outputs: &[Port("output", F32, &[layout[0], Some(21), Some(8)])],
    }
    .encode()
}

/// A network that does not come to an end.
pub(crate) fn endless() -> Vec<u8> {
    const SCALAR: [Option<u64>; 0] = [];
    let on = Graph {
        nodes: &[
            Node("Identity", &["on"], &["still on"], &[]),
            Node("Identity", &["before"], &["after"], &[]),
        ],
        constants: &[],
        inputs: &[
            Port("round", I64, &SCALAR),
            Port("on", BOOL, &SCALAR),
            Port("before", F32, &SCALAR),
        ],
        outputs: &[Port("still on", BOOL, &SCALAR), Port("after", F32, &SCALAR)],
    };
    Graph {
        nodes: &[
            Node(
                "ReduceMean",
                &["images"],
                &["mean"],
                &[("keepdims", Int(0))],
            ),
            Node("Cast", &["rounds"], &["so many"], &[("to", Int(I64))]),
            Node(
                "Loop",
                &["so many", "", "mean"],
                &["last"],
                &[("body", Body(&on))],
            ),
            Node("Add", &["last", "rows"], &["output"], &[]),
        ],
        constants: &[
            ("rounds", &[], &[1e18]),
            ("rows", &[1, 21, 8], &[0.0; 21 * 8]),
        ],
        inputs: &[Port("images", F32, &SMALL)],
        outputs: &[Port("output", F32, &[Some(1), Some(21), Some(8)])],
    }
    .encode()
}

/// A network whose output is its input, rectified.
pub(crate) fn relu(shape: &[Option<u64>]) -> Vec<u8> {
    Graph {
        nodes: &[Node("Relu", &["images"], &["output"], &[])],
        constants: &[],
        inputs: &[Port("images", F32, shape)],
        outputs: &[Port("output", F32, shape)],
    }
    .encode()
}

/// A network with an operation that not every runtime has.
pub(crate) fn determinant() -> Vec<u8> {
    Graph {
        nodes: &[Node("Det", &["images"], &["output"], &[])],
        constants: &[],
        inputs: &[Port("images", F32, &SMALL)],
        outputs: &[Port("output", F32, &[Some(1), Some(3)])],
    }
    .encode()
}

/// A network that runs over a sequence without weights.
pub(crate) fn recurrent() -> Vec<u8> {
    Graph {
        nodes: &[Node("LSTM", &["images"], &["output"], &[])],
        constants: &[],
        inputs: &[Port("images", F32, &SMALL)],
        outputs: &[Port("output", F32, &[None, None, None])],
    }
    .encode()
}

/// A network that tells only when it runs how large its output is: a row of
/// zeros for each value that is not zero, and 21 more, [1, any, 8].
pub(crate) fn places(size: u64) -> Vec<u8> {
    Graph {
        nodes: &[
            Node("NonZero", &["images"], &["places"], &[]),
            Node(
                "Transpose",
                &["places"],
                &["across"],
                &[("perm", Ints(&[1, 0]))],
            ),
            Node("Cast", &["across"], &["floats"], &[("to", Int(F32))]),
            Node("MatMul", &["floats", "zeros"], &["rows"], &[]),
            Node("Concat", &["rows", "first"], &["all"], &[("axis", Int(0))]),
            Node("Mul", &["all", "one"], &["output"], &[]),
        ],
        constants: &[
            ("zeros", &[4, 8], &[0.0; 32]),
            ("first", &[21, 8], &[0.0; 21 * 8]),
            ("one", &[1, 1, 1], &[1.0]),
        ],
        inputs: &[Port(
            "images",
            F32,
            &[Some(1), Some(3), Some(size), Some(size)],
        )],
        outputs: &[Port("output", F32, &[None, None, None])],
    }
    .encode()
}

/// A network that takes long: so many products of large matrices, of which
/// each needs the one before.
pub(crate) fn slow(products: usize) -> Vec<u8> {
    const SIDE: u64 = 384;
    let names: Vec<String> = (0..=products).map(|i| format!("p{i}")).collect();
    let lists: Vec<_> = names
        .windows(2)
        .map(|pair| ([pair[0].as_str(), "weights"], [pair[1].as_str()]))
        .collect();
    let mut nodes = vec![
        Node(
            "ReduceMean",
            &["images"],
            &["mean"],
            &[("keepdims", Int(0))],
        ),
        Node("Mul", &["mean", "weights"], &["p0"], &[]),
    ];
    nodes.extend(
        lists
            .iter()
            .map(|(inputs, out)| Node("MatMul", inputs, out, &[])),
    );
    let last = [names[products].as_str()];
    nodes.push(Node(
        "ReduceMean",
        &last,
        &["product"],
        &[("keepdims", Int(0))],
    ));
    nodes.push(Node("Mul", &["product", "tiny"], &["nothing"], &[]));
    nodes.push(Node("Add", &["nothing", "rows"], &["output"], &[]));
    let weights = vec![1.0 / SIDE as f32; (SIDE * SIDE) as usize];
    Graph {
        nodes: &nodes,
        constants: &[
            ("weights", &[SIDE, SIDE], &weights),
            // Times 0 would be 0 without the products.
            ("tiny", &[], &[1e-30]),
            ("rows", &[1, 21, 8], &[0.0; 21 * 8]),
        ],
        inputs: &[Port("images", F32, &SMALL)],
        outputs: &[Port("output", F32, &[Some(1), Some(21), Some(8)])],
    }
    .encode()
}
