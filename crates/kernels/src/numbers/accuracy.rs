//! Accuracy classes of convolutions.

use thiserror::Error;

/// How far a convolution of f32 may depart from the definition. f64 is computed as defined in every class.
///
/// | class | operands of the products | transforms |
/// |---|---|---|
/// | `exact` | f32 | none |
/// | `f32` | f32 | every Winograd scheme |
/// | `bf16` | rounded to bfloat16 | those whose error is about that of direct products: four interpolation points or fewer, or six along one axis alone |
/// | `bf16-fast` | rounded to bfloat16 | every Winograd scheme |
///
/// Products are accumulated in f32 in every class, and bias, activation, dropout and transforms are f32 too: only the
/// two operands of each product are bfloat16, after their transform, rounded to the nearest with ties to even.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Accuracy {
    /// Products and sums of the definition, in f32: no Winograd transform.
    Exact,
    /// f32 with Winograd transforms.
    #[default]
    F32,
    /// Operands in bfloat16, with transforms that hardly enlarge their error.
    Bf16,
    /// Operands in bfloat16, with every transform.
    Bf16Fast,
}

/// Error bound of [`Accuracy::Exact`], see [`Accuracy::error_bound`]: a few roundings of f32 (2⁻²⁴ each), as errors of
/// long sums largely cancel.
pub const EXACT_ERROR_BOUND: f64 = 5e-7;
/// Error bound of [`Accuracy::F32`], see [`Accuracy::error_bound`]: the transforms of F(4x4, 3x3) enlarge operands about
/// tenfold before they cancel.
pub const F32_ERROR_BOUND: f64 = 5e-6;
/// Error bound of [`Accuracy::Bf16`], see [`Accuracy::error_bound`]: a product of two rounded operands errs by 2⁻⁷ at
/// most, and the transforms enlarge that two- to threefold where sums are too short for errors to cancel.
pub const BF16_ERROR_BOUND: f64 = 2e-2;
/// Error bound of [`Accuracy::Bf16Fast`], see [`Accuracy::error_bound`]: as [`BF16_ERROR_BOUND`], enlarged by the transforms
/// of six points.
pub const BF16_FAST_ERROR_BOUND: f64 = 8e-2;

/// A name that no accuracy class has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no accuracy class is called `{name}`; there are exact, f32, bf16 and bf16-fast")]
pub struct UnknownAccuracy {
    /// The requested name.
    pub name: String,
}

impl Accuracy {
    /// Every class, the most exact first.
    pub const ALL: [Self; 4] = [Self::Exact, Self::F32, Self::Bf16, Self::Bf16Fast];

    /// Returns the class called `name`, see [`Self::name`].
    ///
    /// # Errors
    /// A name that is unknown.
    pub fn named(name: &str) -> Result<Self, UnknownAccuracy> {
        let found = Self::ALL.into_iter().find(|class| class.name() == name);
        found.ok_or_else(|| UnknownAccuracy { name: name.to_owned() })
    }

    /// Returns the largest error of any element of any pass, relative to the largest sum of absolute products that an element
    /// of that pass is made of (`|w| * |x|` in the forward pass). Holds for operands of one order of magnitude.
    #[must_use]
    pub const fn error_bound(self) -> f64 {
        match self {
            Self::Exact => EXACT_ERROR_BOUND,
            Self::F32 => F32_ERROR_BOUND,
            Self::Bf16 => BF16_ERROR_BOUND,
            Self::Bf16Fast => BF16_FAST_ERROR_BOUND,
        }
    }

    /// Returns its name: `exact`, `f32`, `bf16` or `bf16-fast`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Bf16Fast => "bf16-fast",
        }
    }

    /// Returns the revision of the numbers that this crate computes in this class; raised with every change of a value that a run depends
    /// on.
    #[must_use]
    pub const fn numerics_revision(self) -> u32 {
        match self {
            Self::Exact | Self::F32 | Self::Bf16Fast => 1,
            // 2: tiles of 4 by 2 outputs, and stride 2 by F(2, 2).
            Self::Bf16 => 2,
        }
    }

    /// Returns whether operands of products are rounded to bfloat16.
    pub(crate) const fn rounds_operands(self) -> bool {
        matches!(self, Self::Bf16 | Self::Bf16Fast)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_found_by_its_name_and_others_are_refused_with_the_known_ones() {
        for class in Accuracy::ALL {
            assert_eq!(Accuracy::named(class.name()), Ok(class));
        }
        let message = Accuracy::named("f16").map_err(|error| error.to_string());
        assert_eq!(
            message,
            Err("no accuracy class is called `f16`; there are exact, f32, bf16 and bf16-fast".to_owned())
        );
    }
}
