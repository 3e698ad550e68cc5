//! The cells into which dense detectors divide their input: grids of several
//! strides, one after the other, each row by row.

use super::tensor::View;

/// Number of cells of grids with so many input pixels to a cell.
pub(super) fn cells([width, height]: [u32; 2], strides: &[u32]) -> usize {
    let counts = strides
        .iter()
        .map(|stride| (width / stride) as usize * (height / stride) as usize);
    counts.sum()
}

/// Input pixels per cell, column and row of each cell.
pub(super) fn places([width, height]: [u32; 2], strides: &[u32]) -> impl Iterator<Item = [f32; 3]> {
    strides.iter().flat_map(move |&stride| {
        let row = move |y| (0..width / stride).map(move |x| [stride, x, y].map(|v| v as f32));
        (0..height / stride).flat_map(row)
    })
}

/// Whether rows that begin with a centre, one for each cell, count it in
/// input pixels and not in cells from their own cell. Networks look for
/// things near each cell: what puts most centres nearer to their cells is
/// meant.
pub(super) fn in_pixels(output: &View, size: [u32; 2], strides: &[u32]) -> bool {
    let Some(&values) = output.dims.last().filter(|values| **values >= 2) else {
        return false;
    };
    let (mut of_cells, mut of_pixels) = (0, 0);
    for (row, [stride, x, y]) in output.values.chunks(values).zip(places(size, strides)) {
        let [at_x, at_y] = [row[0], row[1]];
        let cells = (at_x - 0.5).hypot(at_y - 0.5);
        let pixels = (at_x / stride - x - 0.5).hypot(at_y / stride - y - 0.5);
        of_cells += usize::from(cells < pixels);
        of_pixels += usize::from(pixels < cells);
    }
    of_pixels > of_cells
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [u32; 2] = [64, 32];
    const STRIDES: [u32; 3] = [8, 16, 32];

    #[test]
    fn cells_are_counted_over_grids() {
        assert_eq!(cells([416, 416], &STRIDES), 3549);
        assert_eq!(cells([640, 640], &STRIDES), 8400);
        assert_eq!(cells([1248, 384], &STRIDES), 9828);
        assert_eq!(cells(SIZE, &STRIDES), 32 + 8 + 2);
        let places: Vec<_> = places(SIZE, &STRIDES).collect();
        assert_eq!(places.len(), cells(SIZE, &STRIDES));
        assert_eq!(places[8 + 3], [8.0, 3.0, 1.0]);
        assert_eq!(places[32 + 8 + 1], [32.0, 1.0, 0.0]);
    }

    #[test]
    fn centres_tell_what_they_are_counted_in() {
        let told = |centre: &dyn Fn([f32; 3]) -> [f32; 2]| {
            let values: Vec<f32> = places(SIZE, &STRIDES)
                .flat_map(|place| {
                    let [x, y] = centre(place);
                    [x, y, 1.0]
                })
                .collect();
            let view = View {
                name: "output",
                dims: &[cells(SIZE, &STRIDES), 3],
                values: &values,
            };
            in_pixels(&view, SIZE, &STRIDES)
        };
        assert!(!told(&|_| [0.0, 0.0]));
        assert!(!told(&|[_, x, y]| [0.5 - x / 9.0, 1.5 + y / 3.0]));
        assert!(told(&|[stride, x, y]| [stride * x, stride * (y + 1.0)]));
        assert!(!told(&|_| [f32::NAN, 3.0]));
    }
}
