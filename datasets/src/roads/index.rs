//! Which lanes are near a place: a hierarchy of bounding boxes around the
//! pieces of their centre lines (Kay and Kajiya, "Ray tracing complex scenes",
//! 1986). It takes memory by how many pieces there are, not by how long.

use super::lane::Lane;

/// As many pieces are looked at one by one.
const FEW: usize = 8;

/// A straight piece of a lane's centre line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) lane: usize,
    pub(super) number: usize,
    low: [f64; 2],
    high: [f64; 2],
}

/// Boxes, the outer before the inner.
#[derive(Debug, Default)]
pub(super) struct Index {
    pieces: Vec<Piece>,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    low: [f64; 2],
    high: [f64; 2],
    /// Of the pieces, those within it.
    first: usize,
    end: usize,
    /// Where its second half is; the first half follows it. `None` if it has
    /// no halves.
    second: Option<usize>,
}

impl Index {
    pub(super) fn new(lanes: &[Lane]) -> Self {
        let mut pieces = Vec::new();
        for (lane, centre) in lanes.iter().map(|lane| &lane.centre).enumerate() {
            for (number, ends) in centre.points().windows(2).enumerate() {
                let corner =
                    |choose: fn(f64, f64) -> f64| [0, 1].map(|k| choose(ends[0][k], ends[1][k]));
                pieces.push(Piece {
                    lane,
                    number,
                    low: corner(f64::min),
                    high: corner(f64::max),
                });
            }
        }
        let mut index = Self {
            nodes: Vec::new(),
            pieces,
        };
        if !index.pieces.is_empty() {
            index.split(0, index.pieces.len());
        }
        index
    }

    /// Makes the node of some pieces, and those within it. Halves are equal
    /// in number, so that it is as deep as the logarithm of that.
    fn split(&mut self, first: usize, end: usize) {
        let pieces = &mut self.pieces[first..end];
        let nothing = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        let (low, high) = pieces.iter().fold(nothing, |(low, high), piece| {
            (
                [0, 1].map(|k| low[k].min(piece.low[k])),
                [0, 1].map(|k| high[k].max(piece.high[k])),
            )
        });
        let node = self.nodes.len();
        self.nodes.push(Node {
            low,
            high,
            first,
            end,
            second: None,
        });
        if pieces.len() <= FEW {
            return;
        }
        let longer = usize::from(high[1] - low[1] > high[0] - low[0]);
        let middle = |piece: &Piece| piece.low[longer] + piece.high[longer];
        pieces.sort_by(|a, b| {
            let order = middle(a).total_cmp(&middle(b));
            order.then((a.lane, a.number).cmp(&(b.lane, b.number)))
        });
        let half = first + (end - first) / 2;
        self.split(first, half);
        self.nodes[node].second = Some(self.nodes.len());
        self.split(half, end);
    }

    /// The pieces whose boxes reach within a distance of a place, m.
    pub(super) fn near(&self, at: [f64; 2], within: f64) -> Vec<Piece> {
        let reaches = |low: [f64; 2], high: [f64; 2]| {
            let off = [0, 1].map(|k| (low[k] - at[k]).max(at[k] - high[k]).max(0.0));
            off[0].hypot(off[1]) <= within
        };
        let mut found = Vec::new();
        let mut open = vec![0];
        while let Some(number) = open.pop() {
            let Some(node) = self.nodes.get(number) else {
                continue;
            };
            if !reaches(node.low, node.high) {
                continue;
            }
            match node.second {
                Some(second) => open.extend([second, number + 1]),
                None => {
                    let pieces = self.pieces[node.first..node.end].iter();
                    found.extend(pieces.filter(|piece| reaches(piece.low, piece.high)));
                }
            }
        }
        found
    }
}
