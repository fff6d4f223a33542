//! Places on the globe as scores of a sorted set.
//!
//! Owns the 52-bit cells that a position is stored as (longitude and latitude halved 26 times each, their bits interleaved;
//! Redis's limits of the latitude), the text form of GEOHASH, distances on a sphere, and units. [`search`] finds what lies
//! in a shape. Knows nothing of keys, arguments and replies. All of it is arithmetic on doubles in the order of operations
//! that the reference server's results show, so that they agree to the last digit printed.

mod search;

pub use self::search::{Found, Shape, search};

/// Longitudes are within ± this, in degrees.
pub const LONGITUDE_MAX: f64 = 180.0;
/// Latitudes are within ± this, in degrees: where the Mercator projection is square.
pub const LATITUDE_MAX: f64 = 85.051_128_78;
/// Radius of the sphere that distances are measured on, in metres.
const EARTH_RADIUS: f64 = 6_372_797.560_856;
/// How often each axis is halved for a cell.
const STEPS: u32 = 26;

/// A position, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// East is positive.
    pub longitude: f64,
    /// North is positive.
    pub latitude: f64,
}

/// A unit of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Metres.
    Metres,
    /// Kilometres.
    Kilometres,
    /// Feet.
    Feet,
    /// Miles.
    Miles,
}

impl Unit {
    /// The unit of a name (`m`, `km`, `ft`, `mi`, in any case).
    pub fn parse(name: &[u8]) -> Option<Unit> {
        match name {
            b"m" | b"M" => Some(Unit::Metres),
            [b'k' | b'K', b'm' | b'M'] => Some(Unit::Kilometres),
            [b'f' | b'F', b't' | b'T'] => Some(Unit::Feet),
            [b'm' | b'M', b'i' | b'I'] => Some(Unit::Miles),
            _ => None,
        }
    }

    /// How many metres it is.
    pub const fn metres(self) -> f64 {
        match self {
            Unit::Metres => 1.0,
            Unit::Kilometres => 1000.0,
            Unit::Feet => 0.3048,
            Unit::Miles => 1609.34,
        }
    }
}

impl Point {
    /// Whether it can be stored: within the limits of longitude and latitude, both included. Not so for NaN.
    pub fn is_valid(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// The cell of a valid position, below 2^52.
    pub fn cell(self) -> u64 {
        interleave(steps_of(self.latitude, LATITUDE_MAX, STEPS), steps_of(self.longitude, LONGITUDE_MAX, STEPS))
    }

    /// The score of a valid position: its cell, which a double holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "52 bits")]
    pub fn score(self) -> f64 {
        self.cell() as f64
    }

    /// The centre of the cell that a score means. Any score gives a position within the limits, as any may be in a set.
    pub fn of_score(score: f64) -> Point {
        let cell = bits_of_score(score);
        Point {
            longitude: centre(deinterleave(cell >> 1), LONGITUDE_MAX),
            latitude: centre(deinterleave(cell), LATITUDE_MAX),
        }
    }

    /// The standard geohash, which is of latitudes up to the poles, in 11 characters. The last one is always `0`: 52 bits
    /// make ten characters of five bits, as the reference server has it.
    pub fn geohash(self) -> [u8; 11] {
        const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let cell = interleave(steps_of(self.latitude, 90.0, STEPS), steps_of(self.longitude, LONGITUDE_MAX, STEPS));
        std::array::from_fn(|i| {
            let digit = if i < 10 { cell >> (52 - (i + 1) * 5) & 31 } else { 0 };
            DIGITS[digit as usize]
        })
    }

    /// The distance to another position, in metres, along a great circle (haversine formula).
    pub fn distance(self, to: Point) -> f64 {
        let half_width = ((to.longitude.to_radians_exactly() - self.longitude.to_radians_exactly()) / 2.0).sin();
        if half_width == 0.0 {
            return latitude_distance(self.latitude, to.latitude);
        }
        let (from_latitude, to_latitude) = (self.latitude.to_radians_exactly(), to.latitude.to_radians_exactly());
        let half_height = ((to_latitude - from_latitude) / 2.0).sin();
        let chord = half_height * half_height + from_latitude.cos() * to_latitude.cos() * half_width * half_width;
        2.0 * EARTH_RADIUS * chord.sqrt().asin()
    }
}

/// The distance between two latitudes on one meridian, in metres.
fn latitude_distance(a: f64, b: f64) -> f64 {
    EARTH_RADIUS * (b.to_radians_exactly() - a.to_radians_exactly()).abs()
}

/// Degrees as radians by one multiplication with the rounded quotient.
trait Radians {
    fn to_radians_exactly(self) -> f64;
}

impl Radians for f64 {
    fn to_radians_exactly(self) -> f64 {
        self * (std::f64::consts::PI / 180.0)
    }
}

/// Appends a distance as GEODIST prints it: with four decimals.
pub fn format_distance(distance: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{distance:.4}").as_bytes());
}

/// In which of 2^`steps` equal parts of `-limit..limit` a value is; the upper limit itself counts to the part beyond.
fn steps_of(value: f64, limit: f64, steps: u32) -> u32 {
    let offset = (value + limit) / (limit + limit);
    (offset * f64::from(1_u32 << steps)) as u32
}

/// The middle of a part of `-limit..limit`, of which there are 2^26.
fn centre(part: u32, limit: f64) -> f64 {
    let parts = f64::from(1_u32 << STEPS);
    let lower = -limit + (f64::from(part) / parts) * (limit + limit);
    let upper = -limit + ((f64::from(part) + 1.0) / parts) * (limit + limit);
    ((lower + upper) / 2.0).clamp(-limit, limit)
}

/// The bits of two numbers in turn, the first one's lowest bit lowest.
fn interleave(even: u32, odd: u32) -> u64 {
    spread(even) | spread(odd) << 1
}

/// The bits of a number at the even places ("Interleave bits by binary magic numbers", Anderson, "Bit twiddling hacks").
fn spread(x: u32) -> u64 {
    let mut x = u64::from(x);
    for (shift, mask) in SPREAD.iter().rev() {
        x = (x | (x << shift)) & mask;
    }
    x
}

/// The number of the bits at the even places.
fn deinterleave(x: u64) -> u32 {
    let mut x = x & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff_u64),
    ] {
        x = (x | (x >> shift)) & mask;
    }
    x as u32
}

/// Shifts and masks that bring bits together, widest last.
const SPREAD: [(u32, u64); 5] = [
    (1, 0x5555_5555_5555_5555),
    (2, 0x3333_3333_3333_3333),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (8, 0x00ff_00ff_00ff_00ff),
    (16, 0x0000_ffff_0000_ffff),
];

/// The bits of a score that need not be a cell: as x86-64 converts a double to an unsigned integer, which is what clients
/// have seen.
fn bits_of_score(score: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    let signed = |x: f64| if (-HALF..HALF).contains(&x) { x as i64 } else { i64::MIN };
    if score < HALF { signed(score).cast_unsigned() } else { signed(score - HALF).cast_unsigned() ^ 1 << 63 }
}

#[cfg(test)]
mod tests;
