//! A queue on whole prices: bins of equal width, of which the first that holds
//! anything is due (Dial, "Algorithm 360: Shortest-Path Forest with Topological
//! Ordering", 1969).

/// Width of a bin, in millionths.
const BIN: u64 = 1 << 13;
/// The most bins; the last holds all that is dearer. What is in one bin comes
/// out in no order of price, which costs time and never a better way.
const MOST_BINS: u64 = 1 << 20;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    bins: Vec<Vec<u32>>,
    /// Every bin before this is empty.
    first: usize,
}

impl Queue {
    pub(crate) fn push(&mut self, price: u64, item: u32) {
        let bin = Self::bin(price);
        if self.bins.len() <= bin {
            self.bins.resize_with(bin + 1, Vec::new);
        }
        self.bins[bin].push(item);
        self.first = self.first.min(bin);
    }

    /// The last item that came into the first bin, unless all that is left
    /// costs `limit` or more.
    pub(crate) fn pop(&mut self, limit: u64) -> Option<u32> {
        while self.first < self.bins.len() && self.floor() < limit {
            let bin = &mut self.bins[self.first];
            if let Some(item) = bin.pop() {
                return Some(item);
            }
            self.first += 1;
        }
        None
    }

    /// Whether a price is due no later than what came out last.
    pub(crate) fn is_due(&self, price: u64) -> bool {
        Self::bin(price) <= self.first
    }

    /// No item costs less.
    pub(crate) fn floor(&self) -> u64 {
        self.first as u64 * BIN
    }

    /// Takes everything out.
    pub(crate) fn drain(&mut self) -> Vec<u32> {
        self.first = 0;
        self.bins.drain(..).flatten().collect()
    }

    fn bin(price: u64) -> usize {
        (price / BIN).min(MOST_BINS - 1) as usize
    }
}
