//! Bilinear interpolation, in the integers of OpenCV's `INTER_LINEAR`: what
//! detectors are trained and published with. A value is interpolated between
//! the centres of the nearest pixels, with weights in 2048ths.

use image::RgbImage;

use super::tiles::Region;

/// The sum of the weights of two neighbours.
const ONE: i32 = 2048;

/// Scales parts of pictures, and keeps the memory that it takes.
#[derive(Default)]
pub(super) struct Bilinear {
    /// Rows of the picture, scaled along x alone.
    lines: [Vec<[i16; 3]>; 2],
}

/// Two neighbours along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tap {
    low: usize,
    high: usize,
    /// Weight of the high one; the low one has the rest.
    weight: i32,
}

impl Bilinear {
    /// Writes a region of a picture, scaled to this width and height, row by
    /// row to `out`. The region has pixels and lies within the picture.
    pub(super) fn scale(
        &mut self,
        picture: &RgbImage,
        region: Region,
        size: [u32; 2],
        out: &mut [u8],
    ) {
        let [across, down] = [0, 1].map(|axis| taps(region.size[axis], size[axis]));
        let [left, top] = region.origin.map(|side| side as usize);
        let pixels = picture.as_raw().as_chunks::<3>().0;
        let width = picture.width() as usize;
        let columns = region.size[0] as usize;
        let row = |y: usize| &pixels[(top + y) * width + left..][..columns];

        let [first, second] = &mut self.lines;
        first.resize(across.len(), [0; 3]);
        second.resize(across.len(), [0; 3]);
        let (mut upper, mut lower) = (None, None);
        let out = out.as_chunks_mut::<3>().0.chunks_exact_mut(across.len());
        for (tap, out) in down.iter().zip(out) {
            // On the way down, the lower row becomes the upper one.
            if lower == Some(tap.low) {
                std::mem::swap(first, second);
                std::mem::swap(&mut upper, &mut lower);
            }
            for (line, held, y) in [
                (&mut *first, &mut upper, tap.low),
                (&mut *second, &mut lower, tap.high),
            ] {
                if held.replace(y) != Some(y) {
                    along(row(y), &across, line);
                }
            }
            let [low, high] = [ONE - tap.weight, tap.weight];
            let lines = first.as_flattened().iter().zip(second.as_flattened());
            for (out, (a, b)) in out.as_flattened_mut().iter_mut().zip(lines) {
                // The upper halves of products of 16 bits, many at a time.
                let [a, b] = [(a, low), (b, high)].map(|(v, w)| (i32::from(*v) * w) >> 16);
                *out = ((a + b + 2) >> 2) as u8;
            }
        }
    }
}

/// Scales a row along x. Values are left in 128ths, which 16 bits hold.
fn along(row: &[[u8; 3]], taps: &[Tap], out: &mut [[i16; 3]]) {
    for (out, tap) in out.iter_mut().zip(taps) {
        let (a, b) = (row[tap.low], row[tap.high]);
        let low = ONE - tap.weight;
        let sum = |c: usize| i32::from(a[c]) * low + i32::from(b[c]) * tap.weight;
        *out = [0, 1, 2].map(|c| (sum(c) >> 4) as i16);
    }
}

/// The neighbours of each of `to` places that lie evenly on `from` pixels.
fn taps(from: u32, to: u32) -> Vec<Tap> {
    let scale = f64::from(from) / f64::from(to);
    let last = from.saturating_sub(1) as usize;
    (0..to)
        .map(|place| {
            let at = ((f64::from(place) + 0.5) * scale - 0.5).clamp(0.0, last as f64);
            // A cast rounds down.
            let low = at as usize;
            Tap {
                low,
                high: (low + 1).min(last),
                weight: ((at - low as f64) * f64::from(ONE)).round() as i32,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_between_pixel_centres() {
        let tap = |low, high, weight| Tap { low, high, weight };
        assert_eq!(taps(2, 1), [tap(0, 1, 1024)]);
        let doubled = [tap(0, 1, 0), tap(0, 1, 512), tap(0, 1, 1536), tap(1, 1, 0)];
        assert_eq!(taps(2, 4), doubled);
        assert_eq!(taps(1, 3), [tap(0, 0, 0); 3]);
    }

    #[test]
    fn what_is_not_scaled_stays() {
        let picture = RgbImage::from_fn(31, 17, |x, y| {
            image::Rgb([(x * 8) as u8, (y * 15) as u8, 255])
        });
        let mut out = vec![0; picture.as_raw().len()];
        let whole = Region::whole(&picture);
        Bilinear::default().scale(&picture, whole, whole.size, &mut out);
        assert_eq!(out, *picture.as_raw());
    }
}
