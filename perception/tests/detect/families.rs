//! A network of each family's form, and what its outputs mean by the
//! family's own definition.

use image::RgbImage;
use janus_perception::detect::{Detection, Inference};

use super::given::Given;
use super::onnx::{self, Constant, F16, F32, I64, Port, U8};

/// Width and height of every network's input.
const SIZE: [u64; 2] = [64, 32];
const THRESHOLD: f64 = 0.3;

/// A box that should be found: class, score, corners.
type Expected = (u16, f64, [f64; 4]);

/// Numbers that look random, from 0 to 1.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 40) as f64 / f64::from(1 << 24)
    }

    fn between(&mut self, least: f64, most: f64) -> f64 {
        // As the network gives it.
        f64::from((least + (most - least) * self.next()) as f32)
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The first of the greatest.
fn best(values: &[f64]) -> (usize, f64) {
    let greatest = values.iter().copied().fold(f64::MIN, f64::max);
    let place = values.iter().position(|&v| v == greatest);
    (place.expect("a value"), greatest)
}

fn corners(x: f64, y: f64, w: f64, h: f64) -> [f64; 4] {
    [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]
}

fn floats(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

/// What a test network is made of.
struct Net {
    /// Type of the input's values.
    element: u64,
    nhwc: bool,
    outputs: Vec<(&'static str, u64, Vec<u64>, Vec<f64>)>,
    manifest: &'static str,
    expected: Vec<Expected>,
}

impl Net {
    fn new(manifest: &'static str) -> Self {
        Self {
            element: F32,
            nhwc: false,
            outputs: Vec::new(),
            manifest,
            expected: Vec::new(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let [width, height] = SIZE.map(Some);
        let outputs = self.outputs.iter();
        let outputs: Vec<Constant> = outputs
            .map(|(name, element, shape, values)| Constant {
                name,
                element: *element,
                shape,
                values: floats(values),
            })
            .collect();
        let nchw = [Some(1), Some(3), height, width];
        let nhwc = [Some(1), height, width, Some(3)];
        let dims = if self.nhwc { &nhwc } else { &nchw };
        onnx::constant(Port("picture", self.element, dims), &outputs)
    }

    /// Compares what is found with what should be.
    fn check(mut self, inference: Inference) {
        let model = self.encode();
        check(&model, self.manifest, &mut self.expected, inference);
    }
}

fn check(model: &[u8], manifest: &str, expected: &mut [Expected], inference: Inference) {
    let mut given = Given::new(model, Some(manifest), inference);
    // Boxes overlap by no more than wholly: all stay.
    given.options.nms_threshold = 1.0;
    given.options.max_detections = 10_000;
    let mut detector = given.load().unwrap_or_else(|e| panic!("{manifest}: {e}"));
    let [width, height] = SIZE.map(|side| side as u32);
    let found = detector.detect(0, &RgbImage::new(width, height));
    let found = found.unwrap_or_else(|e| panic!("{manifest}: {e}"));
    assert_eq!(found.invalid, 0, "{manifest}");
    assert!(expected.len() >= 3, "{manifest}: {expected:?}");

    let edge = SIZE.map(|side| side as f64);
    for (_, _, bbox) in expected.iter_mut() {
        for (i, value) in bbox.iter_mut().enumerate() {
            *value = value.clamp(0.0, edge[i % 2]);
        }
    }
    let mut expected: Vec<&Expected> = (expected.iter())
        .filter(|(_, _, b)| b[0] < b[2] && b[1] < b[3])
        .collect();
    expected.sort_by(|a, b| b.1.total_cmp(&a.1));
    let same = |d: &Detection, e: &Expected| {
        let apart = d
            .bbox
            .iter()
            .zip(&e.2)
            .map(|(a, b)| (f64::from(*a) - b).abs());
        d.class == e.0
            && (f64::from(d.score) - e.1).abs() < 1e-3
            && apart.fold(0.0, f64::max) < 0.05
    };
    let found = found.detections;
    assert_eq!(
        found.len(),
        expected.len(),
        "{manifest}: {found:?} {expected:?}"
    );
    for expected in expected {
        let is_there = found.iter().any(|found| same(found, expected));
        assert!(is_there, "{manifest}: {expected:?} is not in {found:#?}");
    }
}

/// Rows of (centre, size, objectness, classes), as YOLOv5 has them.
pub(crate) fn yolov5(inference: Inference) {
    const ROWS: usize = 3 * (32 + 8 + 2);
    let mut numbers = Numbers(5);
    let mut net = Net::new("classes = [\"a\", \"b\", \"c\"]");
    let mut values = Vec::new();
    for _ in 0..ROWS {
        let [x, y] = [numbers.between(0.0, 64.0), numbers.between(0.0, 32.0)];
        let [w, h] = [(); 2].map(|()| numbers.between(1.0, 20.0));
        let objectness = numbers.between(0.0, 1.0);
        let classes = [(); 3].map(|()| numbers.between(0.0, 1.0));
        values.extend([x, y, w, h, objectness]);
        values.extend(classes);
        let (class, score) = best(&classes);
        if objectness * score >= THRESHOLD {
            net.expected
                .push((class as u16, objectness * score, corners(x, y, w, h)));
        }
    }
    net.outputs = vec![("output0", F32, vec![1, ROWS as u64, 8], values)];
    net.check(inference);
}

/// Rows of (centre, size, objectness, classes), one for each cell and in
/// pixels: with an objectness as YOLOX has them when its exporter decodes
/// them, without one as YOLOv6 has them. Nothing but the values tells.
pub(crate) fn decoded_rows(inference: Inference) {
    for (family, has_objectness) in [("yolox", true), ("yolov5", false)] {
        let mut numbers = Numbers(6);
        let mut net = Net::new("classes = [\"a\", \"b\", \"c\"]");
        let mut values = Vec::new();
        for stride in [8, 16, 32] {
            let [columns, rows] = SIZE.map(|side| side / stride);
            for cell in 0..columns * rows {
                let centre = [cell % columns, cell / columns].map(|place| {
                    let at = place as f64 + numbers.between(-0.5, 1.5);
                    f64::from((at * stride as f64) as f32)
                });
                let [w, h] = [(); 2].map(|()| numbers.between(1.0, 20.0));
                let objectness = match has_objectness {
                    true => numbers.between(0.0, 1.0),
                    false => 1.0,
                };
                let classes = [(); 3].map(|()| numbers.between(0.0, 0.6));
                values.extend([centre[0], centre[1], w, h, objectness]);
                values.extend(classes);
                let (class, score) = best(&classes);
                if objectness * score >= THRESHOLD {
                    let bbox = corners(centre[0], centre[1], w, h);
                    net.expected.push((class as u16, objectness * score, bbox));
                }
            }
        }
        net.outputs = vec![("outputs", F32, vec![1, 32 + 8 + 2, 8], values)];
        let model = net.encode();
        let detector = Given::new(&model, Some(net.manifest), inference).load();
        assert_eq!(detector.expect("the network loads").family(), family);
        net.check(inference);
    }
}

/// What is understood of a network makes a manifest by which it is understood
/// alike.
pub(crate) fn manifests(inference: Inference) {
    for (stated, said, boxes) in [
        (
            "",
            "32 × 32, f32 NCHW, BGR from 0 to 255, at the top left of 114",
            "cells",
        ),
        (
            "input.stretch = true\ninput.channels = \"rgb\"",
            "RGB from 0 to 255, stretched",
            "cells",
        ),
        // What its values do not tell.
        (
            "output.boxes = \"pixels\"\n[input]\n\
             normalisation = { mean = [0, 0, 0], std = [255, 255, 255] }\n\
             letterbox = { anchor = \"centre\", pad = 7 }",
            "BGR from 0 to 1, in the centre of 7",
            "pixels",
        ),
    ] {
        let stated = format!("classes = [\"a\", \"b\", \"c\"]\nlicence = \"MIT\"\n{stated}");
        let model = onnx::constant_yolox(&[]);
        let load = |manifest: &str| {
            let given = Given::new(&model, Some(manifest), inference);
            given.load().unwrap_or_else(|e| panic!("{manifest}: {e}"))
        };
        let first = load(&stated);
        assert!(first.input().contains(said), "{}", first.input());
        let written = toml::to_string(first.manifest()).expect("is TOML");
        assert!(written.starts_with("family = \"yolox\"\n"), "{written}");
        let boxes = format!("boxes = \"{boxes}\"\n");
        assert!(written.contains(&boxes), "{written}");
        let second = load(&written);
        assert_eq!(first.manifest(), second.manifest());
        assert_eq!(first.input(), second.input());
        assert_eq!(
            (second.classes(), second.licence()),
            (first.classes(), Some("MIT"))
        );
    }
}

/// Columns of (centre, size, classes), as YOLOv8 has them.
pub(crate) fn yolov8(inference: Inference) {
    const COLUMNS: usize = 32 + 8 + 2;
    let mut numbers = Numbers(8);
    let mut net = Net::new("classes = [\"a\", \"b\", \"c\"]");
    let mut values = vec![0.0; 7 * COLUMNS];
    for column in 0..COLUMNS {
        let [x, y] = [numbers.between(0.0, 64.0), numbers.between(0.0, 32.0)];
        let [w, h] = [(); 2].map(|()| numbers.between(1.0, 20.0));
        let classes = [(); 3].map(|()| numbers.between(0.0, 0.5));
        let (class, score) = best(&classes);
        for (line, value) in [x, y, w, h].into_iter().chain(classes).enumerate() {
            values[line * COLUMNS + column] = value;
        }
        if score >= THRESHOLD {
            net.expected
                .push((class as u16, score, corners(x, y, w, h)));
        }
    }
    net.outputs = vec![("output0", F32, vec![1, 7, COLUMNS as u64], values)];
    net.check(inference);
}

/// Three maps of classes and three of distributions, as NanoDet has them; the
/// boxes first, and the coarsest grid first.
pub(crate) fn nanodet(inference: Inference) {
    const BINS: usize = 8;
    let mut numbers = Numbers(9);
    let mut net = Net::new("classes = [\"a\", \"b\", \"c\"]");
    for (stride, names) in [
        (32, ["box 32", "class 32"]),
        (16, ["box 16", "class 16"]),
        (8, ["box 8", "class 8"]),
    ] {
        let [columns, rows] = SIZE.map(|side| side / stride);
        let (mut boxes, mut scores) = (Vec::new(), Vec::new());
        for cell in 0..columns * rows {
            let classes = [(); 3].map(|()| numbers.between(0.0, 0.5));
            let sides = [(); 4].map(|()| [(); BINS].map(|()| numbers.between(-4.0, 4.0)));
            let distances = sides.map(|logits| {
                let weights = logits.map(f64::exp);
                let places = weights.iter().enumerate().map(|(i, w)| i as f64 * w);
                places.sum::<f64>() / weights.iter().sum::<f64>() * stride as f64
            });
            scores.extend(classes);
            boxes.extend(sides.concat());
            let x = ((cell % columns) as f64 + 0.5) * stride as f64;
            let y = ((cell / columns) as f64 + 0.5) * stride as f64;
            let [left, top, right, bottom] = distances;
            let (class, score) = best(&classes);
            if score >= THRESHOLD {
                let bbox = [x - left, y - top, x + right, y + bottom];
                net.expected.push((class as u16, score, bbox));
            }
        }
        let cells = columns * rows;
        let width = 4 * BINS as u64;
        net.outputs
            .push((names[0], F32, vec![1, cells, width], boxes));
        net.outputs.push((names[1], F32, vec![1, cells, 3], scores));
    }
    net.check(inference);
}

/// Planes of (objectness, centre, size, classes), as FastestDet has them.
pub(crate) fn fastestdet(inference: Inference) {
    const CELLS: usize = 4 * 2;
    let mut numbers = Numbers(7);
    let mut net = Net::new("classes = [\"a\", \"b\", \"c\"]");
    let mut values = vec![0.0; 8 * CELLS];
    for cell in 0..CELLS {
        let objectness = numbers.between(0.6, 1.0);
        let [x, y, w, h] = [(); 4].map(|()| numbers.between(-2.0, 2.0));
        let classes = [(); 3].map(|()| numbers.between(0.0, 1.0));
        let planes = [objectness, x, y, w, h].into_iter().chain(classes);
        for (plane, value) in planes.enumerate() {
            values[plane * CELLS + cell] = value;
        }
        let (class, score) = best(&classes);
        let score = objectness * score;
        if score >= THRESHOLD {
            let bbox = corners(
                ((cell % 4) as f64 + x.tanh()) / 4.0 * 64.0,
                ((cell / 4) as f64 + y.tanh()) / 2.0 * 32.0,
                sigmoid(w) * 64.0,
                sigmoid(h) * 32.0,
            );
            net.expected.push((class as u16, score, bbox));
        }
    }
    net.outputs = vec![("758", F32, vec![1, 8, 2, 4], values)];
    net.check(inference);
}

/// Relative boxes of 40 queries, and where they lie.
fn queries(numbers: &mut Numbers) -> Vec<([f64; 4], [f64; 4])> {
    let query = |_| {
        let [x, y] = [(); 2].map(|()| numbers.between(0.0, 1.0));
        let [w, h] = [(); 2].map(|()| numbers.between(0.05, 0.5));
        (
            [x, y, w, h],
            corners(x * 64.0, y * 32.0, w * 64.0, h * 32.0),
        )
    };
    (0..40).map(query).collect()
}

/// Boxes and logits: RT-DETR's and D-FINE's of three classes, RF-DETR's and
/// DETR's of COCO's, in f16 and f32.
pub(crate) fn detr(inference: Inference) {
    // Columns of logits, which of them is which class, and whether they
    // exclude each other.
    let custom: [(usize, u16); 3] = [(0, 0), (1, 1), (2, 2)];
    // Person, car, stop sign and toothbrush among COCO's identifiers.
    let coco: [(usize, u16); 4] = [(1, 0), (3, 2), (13, 11), (90, 79)];
    for (manifest, columns, named, softmax, names, element) in [
        (
            "classes = [\"a\", \"b\", \"c\"]",
            3,
            &custom[..],
            false,
            ["pred_boxes", "logits"],
            F32,
        ),
        (
            "licence = \"MIT\"",
            91,
            &coco,
            false,
            ["dets", "labels"],
            F16,
        ),
        ("", 92, &coco, true, ["pred_boxes", "logits"], F32),
    ] {
        let mut numbers = Numbers(columns as u64);
        let mut net = Net::new(manifest);
        net.element = element;
        let (mut boxes, mut logits) = (Vec::new(), Vec::new());
        for (relative, bbox) in queries(&mut numbers) {
            let mut row = vec![-6.0; columns];
            for (column, _) in named {
                row[*column] = numbers.between(-3.0, 5.0);
            }
            if softmax {
                row[columns - 1] = numbers.between(-3.0, 3.0);
            }
            // What no class has counts for nothing, however great.
            if !softmax && columns > 3 {
                row[12] = 8.0;
            }
            let sum: f64 = row.iter().map(|l| l.exp()).sum();
            let scores = named.iter().map(|&(column, _)| match softmax {
                true => row[column].exp() / sum,
                false => sigmoid(row[column]),
            });
            let (place, score) = best(&scores.collect::<Vec<_>>());
            // Halves are too coarse to tell what is near the threshold.
            if (score - THRESHOLD).abs() < 0.01 {
                continue;
            }
            if score >= THRESHOLD {
                net.expected.push((named[place].1, score, bbox));
            }
            boxes.extend(relative);
            logits.extend(row);
        }
        let queries = boxes.len() as u64 / 4;
        net.outputs = vec![
            (names[0], element, vec![1, queries, 4], boxes),
            (names[1], element, vec![1, queries, columns as u64], logits),
        ];
        net.check(inference);
    }
}

/// Labels, boxes and scores of a network that takes the size to which it
/// scales its boxes.
pub(crate) fn scaled(inference: Inference) {
    use onnx::Attribute::Int;
    use onnx::{Graph, Node};

    let mut numbers = Numbers(11);
    let (mut boxes, mut labels, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    let mut expected = Vec::new();
    for (_, bbox) in queries(&mut numbers) {
        let label = (numbers.next() * 3.0).floor();
        let score = numbers.next();
        boxes.extend([0, 1, 2, 3].map(|i| bbox[i] / SIZE[i % 2] as f64));
        labels.push(label);
        scores.push(score);
        if score >= THRESHOLD {
            expected.push((label as u16, score, bbox));
        }
    }
    let count = scores.len() as u64;
    let [width, height] = SIZE.map(Some);
    let model = Graph {
        nodes: &[
            Node(
                "ReduceMean",
                &["images"],
                &["mean"],
                &[("keepdims", Int(0))],
            ),
            Node("Mul", &["mean", "zero"], &["nothing"], &[]),
            Node(
                "Cast",
                &["orig_target_sizes"],
                &["sizes"],
                &[("to", Int(F32))],
            ),
            Node(
                "Concat",
                &["sizes", "sizes"],
                &["scale"],
                &[("axis", Int(1))],
            ),
            Node("Mul", &["relative", "scale"], &["boxes"], &[]),
            Node("Add", &["classes", "nothing"], &["summed"], &[]),
            Node("Cast", &["summed"], &["labels"], &[("to", Int(I64))]),
            Node("Add", &["chances", "nothing"], &["scores"], &[]),
        ],
        constants: &[
            ("zero", &[], &[0.0]),
            ("relative", &[1, count, 4], &floats(&boxes)),
            ("classes", &[1, count], &floats(&labels)),
            ("chances", &[1, count], &floats(&scores)),
        ],
        inputs: &[
            Port("images", F32, &[Some(1), Some(3), height, width]),
            Port("orig_target_sizes", I64, &[Some(1), Some(2)]),
        ],
        outputs: &[
            Port("labels", I64, &[Some(1), Some(count)]),
            Port("boxes", F32, &[Some(1), Some(count), Some(4)]),
            Port("scores", F32, &[Some(1), Some(count)]),
        ],
    };
    let manifest = "classes = [\"a\", \"b\", \"c\"]";
    check(&model.encode(), manifest, &mut expected, inference);
}

/// Boxes after suppression: TensorFlow's SSD with a count of them, that of
/// the ONNX model zoo, mmdeploy's, and rows of six.
pub(crate) fn ssd(inference: Inference) {
    let mut numbers = Numbers(3);
    let (mut pixels, mut relative, mut y_first) = (Vec::new(), Vec::new(), Vec::new());
    let (mut scores, mut classes, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for (_, bbox) in queries(&mut numbers) {
        let score = numbers.next();
        let class = (numbers.next() * 3.0).floor();
        let [x0, y0, x1, y1] = [0, 1, 2, 3].map(|i| bbox[i] / SIZE[i % 2] as f64);
        pixels.extend(bbox);
        relative.extend([x0, y0, x1, y1]);
        y_first.extend([y0, x0, y1, x1]);
        scores.push(score);
        classes.push(class);
        if score >= THRESHOLD {
            expected.push((class as u16, score, bbox));
        }
    }
    let count = scores.len() as u64;
    let shifted = |by: f64| classes.iter().map(|c| c + by).collect::<Vec<_>>();

    // More rows than count; those beyond would be found.
    let beyond = |values: &[f64], more: &[f64]| [values, &more.repeat(2)].concat();
    let mut tensorflow = Net::new("");
    (tensorflow.element, tensorflow.nhwc) = (U8, true);
    tensorflow.outputs = vec![
        ("num_detections", F32, vec![1], vec![count as f64]),
        (
            "detection_boxes",
            F32,
            vec![1, count + 2, 4],
            beyond(&y_first, &[0.1, 0.1, 0.9, 0.9]),
        ),
        (
            "detection_scores",
            F32,
            vec![1, count + 2],
            beyond(&scores, &[0.9]),
        ),
        // Person, bicycle and car are 1, 2 and 3 of COCO's identifiers.
        (
            "detection_classes",
            F32,
            vec![1, count + 2],
            beyond(&shifted(1.0), &[1.0]),
        ),
    ];
    tensorflow.expected = expected.clone();
    tensorflow.check(inference);

    let mut zoo = Net::new("classes = [\"a\", \"b\", \"c\"]");
    zoo.outputs = vec![
        ("bboxes", F32, vec![1, count, 4], relative),
        ("labels", I64, vec![1, count], shifted(1.0)),
        ("scores", F32, vec![1, count], scores.clone()),
    ];
    zoo.expected = expected.clone();
    zoo.check(inference);

    let mut torchvision =
        Net::new("classes = [\"a\", \"b\", \"c\"]\noutput.labels = \"from-zero\"");
    torchvision.outputs = vec![
        ("boxes", F32, vec![count, 4], pixels.clone()),
        ("scores", F32, vec![count], scores.clone()),
        ("labels", I64, vec![count], classes.clone()),
    ];
    torchvision.expected = expected.clone();
    torchvision.check(inference);

    let with_scores = pixels.chunks(4).zip(&scores);
    let with_scores: Vec<f64> = with_scores.flat_map(|(b, s)| [b, &[*s]].concat()).collect();
    let mut mmdeploy = Net::new("");
    mmdeploy.outputs = vec![
        ("dets", F32, vec![1, count, 5], with_scores.clone()),
        ("labels", I64, vec![1, count], classes.clone()),
    ];
    mmdeploy.expected = expected.clone();
    mmdeploy.check(inference);

    let rows = with_scores.chunks(5).zip(&classes);
    let rows: Vec<f64> = rows.flat_map(|(b, c)| [b, &[*c]].concat()).collect();
    let mut end_to_end = Net::new("");
    end_to_end.outputs = vec![("output0", F32, vec![1, count, 6], rows)];
    end_to_end.expected = expected;
    let model = end_to_end.encode();
    let detector = Given::new(&model, None, inference).load();
    let input = detector.expect("the network loads").input();
    assert!(
        input.contains("RGB from 0 to 1, in the centre of 114"),
        "{input}"
    );
    end_to_end.check(inference);
}
