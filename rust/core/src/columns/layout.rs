//! A type's format in, how its values lie in memory out.
//!
//! Formats are the text of the C data interface, <https://arrow.apache.org/docs/format/CDataInterface.html>, and two
//! that polars adds for integers of 128 bits.

use super::{Error, Fault, Field};

/// How the values of a type lie in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Nothing lies anywhere.
    Null,
    /// One bit per row.
    Bits,
    /// So many bytes per row.
    Fixed(usize),
    /// Offsets, and bytes one after the other.
    Text(Width),
    /// Lengths with short text in place, or with the place of long text.
    TextViews,
    /// Offsets into a child.
    List(Width),
    /// Offsets into a child, and sizes.
    ListViews(Width),
    /// So many rows of a child per row.
    FixedList(usize),
    /// A row of each child per row.
    Struct,
    /// A row of one child per row.
    Union {
        /// Whether rows are found by offsets, not at the same place.
        dense: bool,
        /// What each child is called in the rows.
        ids: Vec<u8>,
    },
    /// Ends of runs, and one row of a child per run.
    Runs,
    /// Indices into the rows of a dictionary.
    Dictionary(Index),
}

/// How many bytes an offset has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 32 bits.
    Narrow,
    /// 64 bits.
    Wide,
}

impl Width {
    /// How many bytes an offset has.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Narrow => 4,
            Self::Wide => 8,
        }
    }
}

/// What integers the indices of a dictionary are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// Bytes per index.
    pub bytes: usize,
    /// Whether the highest bit is a sign.
    pub signed: bool,
}

impl Index {
    /// The integers of a format.
    ///
    /// # Errors
    /// A format of something else.
    pub fn of(format: &str) -> Result<Self, Error> {
        let signed = match format {
            "c" | "s" | "i" | "l" => true,
            "C" | "S" | "I" | "L" => false,
            _ => return Err(unknown(format)),
        };
        let bytes = bytes_of_number(format).ok_or_else(|| unknown(format))?;
        Ok(Self { bytes, signed })
    }
}

impl Layout {
    /// The layout of a field's type.
    ///
    /// # Errors
    /// A format that is not known, or whose children do not belong to it.
    pub fn of(field: &Field) -> Result<Self, Error> {
        if field.dictionary.is_some() {
            return Index::of(&field.format).map(Self::Dictionary);
        }
        let layout = Self::of_format(&field.format)?;
        let wanted = match &layout {
            Self::Struct => field.children.len(),
            Self::Union { ids, .. } => ids.len(),
            Self::Runs => 2,
            Self::List(_) | Self::ListViews(_) | Self::FixedList(_) => 1,
            _ => 0,
        };
        if field.children.len() == wanted {
            Ok(layout)
        } else {
            Err(Fault::Children.into())
        }
    }

    fn of_format(format: &str) -> Result<Self, Error> {
        Ok(match format {
            "n" => Self::Null,
            "b" => Self::Bits,
            "u" | "z" => Self::Text(Width::Narrow),
            "U" | "Z" => Self::Text(Width::Wide),
            "vu" | "vz" => Self::TextViews,
            "+l" | "+m" => Self::List(Width::Narrow),
            "+L" => Self::List(Width::Wide),
            "+vl" => Self::ListViews(Width::Narrow),
            "+vL" => Self::ListViews(Width::Wide),
            "+s" => Self::Struct,
            "+r" => Self::Runs,
            _ => return Self::of_parameters(format),
        })
    }

    fn of_parameters(format: &str) -> Result<Self, Error> {
        let (kind, parameters) = format.split_once(':').unwrap_or((format, ""));
        let found = match kind {
            "+w" => parameters.parse().ok().map(Self::FixedList),
            "+ud" | "+us" => type_ids(parameters).map(|ids| Self::Union {
                dense: kind == "+ud",
                ids,
            }),
            "w" => parameters.parse().ok().map(Self::Fixed),
            "d" => bytes_of_decimal(parameters).map(Self::Fixed),
            _ => bytes_of_number(format)
                .or(bytes_of_time(kind))
                .map(Self::Fixed),
        };
        found.ok_or_else(|| unknown(format))
    }

    /// Whether the values are text or binary in one of their layouts.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::TextViews)
    }
}

fn unknown(format: &str) -> Error {
    Fault::Unknown(format.to_owned()).into()
}

fn bytes_of_number(format: &str) -> Option<usize> {
    match format {
        "c" | "C" => Some(1),
        "s" | "S" | "e" => Some(2),
        "i" | "I" | "f" => Some(4),
        "l" | "L" | "g" => Some(8),
        "_pli128" | "_plu128" => Some(16),
        _ => None,
    }
}

/// Dates, times, moments (whose zone follows a colon), durations, intervals.
fn bytes_of_time(kind: &str) -> Option<usize> {
    match kind {
        "tdD" | "tts" | "ttm" | "tiM" => Some(4),
        "tdm" | "ttu" | "ttn" | "tiD" | "tss" | "tsm" | "tsu" | "tsn" | "tDs" | "tDm" | "tDu"
        | "tDn" => Some(8),
        "tin" => Some(16),
        _ => None,
    }
}

/// Precision, scale, and bits where they are not 128.
fn bytes_of_decimal(parameters: &str) -> Option<usize> {
    match parameters.split(',').nth(2) {
        None | Some("128") => Some(16),
        Some("32") => Some(4),
        Some("64") => Some(8),
        Some("256") => Some(32),
        Some(_) => None,
    }
}

fn type_ids(parameters: &str) -> Option<Vec<u8>> {
    if parameters.is_empty() {
        return Some(Vec::new());
    }
    let ids = parameters.split(',').map(|id| id.parse::<i8>().ok());
    ids.map(|id| id.and_then(|id| u8::try_from(id).ok()))
        .collect()
}
