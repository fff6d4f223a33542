//! What lies in a circle, a box or a polygon.
//!
//! Owns the shapes and how a sorted set of cells is searched: the shape's bounding box is covered by at most nine cells, the
//! one of the centre and its neighbours, at the finest step at which these suffice; each cell is one range of scores;
//! every entry in them is decoded and measured. A cell that the box does not touch is left out. Exactly 180° east and the
//! northernmost latitude are one cell beyond the last, as Redis numbers them: a box that touches them has these as well.

use std::f64::consts::PI;

use super::{EARTH_RADIUS, LATITUDE_MAX, LONGITUDE_MAX, Point, Radians as _, STEPS, interleave, latitude_distance};
use crate::types::packed::Item;
use crate::types::zset::{Range, ScoreRange, ZSet};

/// What is searched; lengths in metres.
#[derive(Clone, Debug)]
pub enum Shape {
    /// All that is no farther from the centre than the radius.
    Circle {
        /// The centre.
        centre: Point,
        /// The radius.
        radius: f64,
    },
    /// All that is within half of the height of the centre, measured along its meridian, and within half of the width,
    /// measured along its parallel.
    Box {
        /// The centre.
        centre: Point,
        /// From west to east.
        width: f64,
        /// From north to south.
        height: f64,
    },
    /// All inside a polygon whose edges are straight on a map of longitude and latitude, by the even-odd rule.
    Polygon {
        /// The corners, at least three; the last one is connected with the first.
        corners: Vec<Point>,
    },
}

/// An entry that a search has found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The member.
    pub member: Item<'a>,
    /// Its distance from the shape's centre, in metres.
    pub distance: f64,
    /// Its score, which is its cell.
    pub score: f64,
    /// Where it is.
    pub point: Point,
}

/// The degrees that a shape lies within.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Shape {
    /// Where distances are measured from: the centre; of a polygon the mean of its corners.
    pub fn centre(&self) -> Point {
        match self {
            Shape::Circle { centre, .. } | Shape::Box { centre, .. } => *centre,
            Shape::Polygon { corners } => {
                #[expect(clippy::cast_precision_loss, reason = "a number of corners")]
                let n = corners.len() as f64;
                Point {
                    longitude: corners.iter().map(|corner| corner.longitude).sum::<f64>() / n,
                    latitude: corners.iter().map(|corner| corner.latitude).sum::<f64>() / n,
                }
            }
        }
    }

    /// The distance of a position from the centre, in metres, if the position is in the shape.
    pub fn matches(&self, point: Point) -> Option<f64> {
        let is_inside = match self {
            Shape::Circle { centre, radius } => {
                // Rounding makes the distance of exact opposites NaN at times: not farther than anything.
                let distance = centre.distance(point);
                let is_outside = distance > *radius;
                return (!is_outside).then_some(distance);
            }
            Shape::Box { centre, width, height } => {
                let beside = Point { longitude: centre.longitude, latitude: point.latitude };
                let is_outside = latitude_distance(point.latitude, centre.latitude) > height / 2.0
                    || point.distance(beside) > width / 2.0;
                !is_outside
            }
            Shape::Polygon { corners } => is_in_polygon(corners, point),
        };
        is_inside.then(|| self.centre().distance(point))
    }

    /// What the shape lies within. East and west are around the centre, and may be beyond the limits of longitude.
    fn bounds(&self) -> Bounds {
        let (centre, width, height) = match self {
            Shape::Circle { centre, radius } => (centre, radius * 2.0, radius * 2.0),
            Shape::Box { centre, width, height } => (centre, *width, *height),
            Shape::Polygon { corners } => return bounds_of(corners),
        };
        // Rounding must not leave anything out at the edge.
        let half_height = (height / 2.0 / EARTH_RADIUS).to_degrees() * (1.0 + 1e-9) + 1e-9;
        let (south, north) = (centre.latitude - half_height, centre.latitude + half_height);
        // Degrees of longitude are shortest at the latitude farthest from the equator.
        let farthest = south.abs().max(north.abs()).min(90.0).to_radians_exactly();
        let half_arc = (width / 4.0 / EARTH_RADIUS).min(PI / 2.0);
        let sine = half_arc.sin() / farthest.cos();
        let half_width = if sine < 1.0 { 2.0 * sine.asin().to_degrees() * (1.0 + 1e-9) + 1e-9 } else { 180.0 };
        Bounds { west: centre.longitude - half_width, east: centre.longitude + half_width, south, north }
    }
}

fn bounds_of(corners: &[Point]) -> Bounds {
    let longitudes = || corners.iter().map(|corner| corner.longitude);
    let latitudes = || corners.iter().map(|corner| corner.latitude);
    Bounds {
        west: longitudes().fold(f64::INFINITY, f64::min),
        east: longitudes().fold(f64::NEG_INFINITY, f64::max),
        south: latitudes().fold(f64::INFINITY, f64::min),
        north: latitudes().fold(f64::NEG_INFINITY, f64::max),
    }
}

/// Whether a ray from the point to the east crosses the edges an odd number of times (Shimrat, "Algorithm 112: position of
/// point relative to polygon", 1962). O(corners).
fn is_in_polygon(corners: &[Point], point: Point) -> bool {
    let Some(mut from) = corners.last() else { return false };
    let mut is_inside = false;
    for to in corners {
        if (from.latitude > point.latitude) != (to.latitude > point.latitude) {
            let part = (point.latitude - from.latitude) / (to.latitude - from.latitude);
            let crossing = from.longitude + part * (to.longitude - from.longitude);
            is_inside ^= point.longitude < crossing;
        }
        from = to;
    }
    is_inside
}

/// A rectangle of cells: `step` halvings of each axis, and the columns and rows in the order that they are searched.
struct Cover {
    step: u32,
    columns: Vec<u32>,
    rows: Vec<u32>,
}

impl Cover {
    /// Cells around the centre of the bounds that cover all that is within the bounds and the globe.
    fn of(bounds: Bounds) -> Cover {
        // At step 0 the whole globe is one cell.
        (1..=STEPS).rev().find_map(|step| Cover::at(bounds, step)).unwrap_or(Cover {
            step: 0,
            columns: vec![0, 1],
            rows: vec![0, 1],
        })
    }

    /// The cells at a step, if no more than three by three are needed.
    fn at(bounds: Bounds, step: u32) -> Option<Cover> {
        let cells = f64::from(1_u32 << step);
        let part = |degrees: f64, limit: f64| ((degrees + limit) / (limit + limit) * cells).floor();
        let (west, east) = (part(bounds.west, LONGITUDE_MAX), part(bounds.east, LONGITUDE_MAX));
        let row = |latitude: f64| part(latitude, LATITUDE_MAX).clamp(0.0, cells - 1.0);
        let (south, north) = (row(bounds.south), row(bounds.north));
        if !(east - west < 3.0 && north - south < 3.0 && east - west < cells) {
            return None;
        }
        let columns = (0..=(east - west) as u32).map(|i| (west + f64::from(i)).rem_euclid(cells) as u32);
        let rows = (0..=(north - south) as u32).map(|i| south as u32 + i);
        let at_east = bounds.east >= LONGITUDE_MAX || bounds.west <= -LONGITUDE_MAX;
        let beyond = |touched: bool| touched.then_some(cells as u32);
        let columns = columns.chain(beyond(at_east)).collect();
        let rows = rows.chain(beyond(bounds.north >= LATITUDE_MAX)).collect();
        Some(Cover { step, columns, rows })
    }

    /// The ranges of scores.
    fn ranges(&self) -> impl Iterator<Item = ScoreRange> {
        let shift = 2 * (STEPS - self.step);
        self.rows.iter().flat_map(move |row| {
            self.columns.iter().map(move |column| {
                let cell = interleave(*row, *column);
                ScoreRange {
                    min: (cell << shift) as f64,
                    max: ((cell + 1) << shift) as f64,
                    min_exclusive: false,
                    max_exclusive: true,
                }
            })
        })
    }
}

/// Shows what of a set is in a shape, in no particular order, up to `limit` entries; returns how many. O(log n) for each
/// of at most nine cells, and O(entries in these cells).
pub fn search(set: &ZSet, shape: &Shape, limit: usize, mut f: impl FnMut(Found<'_>)) -> usize {
    let mut found = 0;
    for range in Cover::of(shape.bounds()).ranges() {
        if found >= limit {
            break;
        }
        set.iterate(&Range::Score(range), false, 0, usize::MAX, |member, score| {
            let point = Point::of_score(score);
            if let Some(distance) = shape.matches(point) {
                f(Found { member, distance, score, point });
                found += 1;
            }
            found < limit
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every position that matches is in a cell of the cover, and in one alone; and the cover is not needlessly coarse.
    #[test]
    fn covers_are_complete() {
        let mut rng = crate::base::rng::Rng::new(3);
        let mut inside = 0;
        for round in 0..4000 {
            let mut point =
                || Point { longitude: rng.f64() * 360.0 - 180.0, latitude: (rng.f64() * 2.0 - 1.0) * LATITUDE_MAX };
            let centre = point();
            let corners = [point(), point(), point(), point()].to_vec();
            let size = 10.0_f64.powf(rng.f64() * 7.5);
            let shape = match round % 3 {
                0 => Shape::Circle { centre, radius: size },
                1 => Shape::Box { centre, width: size, height: 10.0_f64.powf(rng.f64() * 7.5) },
                _ => Shape::Polygon { corners },
            };
            let cover = Cover::of(shape.bounds());
            assert!(cover.columns.len() <= 4 && cover.rows.len() <= 4);
            let spread = if round % 3 == 2 { 100.0 } else { (size / 50_000.0).min(200.0) };
            for _ in 0..100 {
                let near = shape.centre();
                let longitude = near.longitude + (rng.f64() - 0.5) * spread;
                let longitude = (longitude + 540.0).rem_euclid(360.0) - 180.0;
                let longitude = if longitude > 179.0 { LONGITUDE_MAX } else { longitude };
                let latitude = (near.latitude + (rng.f64() - 0.5) * spread).clamp(-LATITUDE_MAX, LATITUDE_MAX);
                let score = Point { longitude, latitude }.score();
                let cells = cover.ranges().filter(|range| !range.is_below(score) && !range.is_above(score)).count();
                if shape.matches(Point::of_score(score)).is_some() {
                    inside += 1;
                    assert_eq!(cells, 1, "{shape:?} {longitude} {latitude}");
                }
                assert!(cells <= 1);
            }
        }
        assert!(inside > 50_000, "{inside}");
        let small =
            Cover::of(Shape::Circle { centre: Point { longitude: 13.4, latitude: 52.5 }, radius: 1000.0 }.bounds());
        assert!(small.step >= 13, "{}", small.step);
    }
}
