//! The pairs of upsampling and downsampling operators, and the shapes that an upsampling operator can return.

use crate::downsample::Downsampling;
use crate::error::OperatorError;
use crate::registry::{DownsampleConfig, UpsampleConfig};
use crate::switches::SwitchKind;
use crate::upsample::{Enlargement, SizeRule};

impl UpsampleConfig {
    /// Refuses a downsampling operator that it cannot undo.
    ///
    /// # Errors
    ///
    /// Settings of either operator that are out of range, switches that it needs and the other does not give, or
    /// a height or width that it cannot return: with the reason and the names of the operators that it can be paired with.
    pub fn check_pair(&self, downsample: &DownsampleConfig) -> Result<(), OperatorError> {
        self.check()?;
        downsample.check()?;
        self.obstacle(&**downsample).map_or(Ok(()), |obstacle| {
            let reason = format!("{obstacle}; it can be paired with {}", self.partner_names().join(", "));
            Err(OperatorError::Unpaired { upsample: self.name(), downsample: downsample.name(), reason })
        })
    }

    /// Returns all examples of downsampling operators that it can be paired with.
    pub fn partners(&self) -> Vec<DownsampleConfig> {
        DownsampleConfig::examples().into_iter().filter(|down| self.obstacle(&**down).is_none()).collect()
    }

    /// Returns the names of [`Self::partners`], in the order of the registry. Some of these pair with some settings only.
    pub fn partner_names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.partners().iter().map(|partner| partner.name()).collect();
        names.dedup();
        names
    }

    /// Returns the usual partner, with the first settings of the registry that it can undo; another operator where it can undo none of
    /// these.
    pub fn partner(&self) -> DownsampleConfig {
        let partners = self.partners();
        let usual = partners.iter().find(|partner| partner.name() == self.usual_partner());
        match usual.or(partners.first()) {
            Some(partner) => partner.clone(),
            None => panic!("`{}` can undo no example of the registry", self.name()),
        }
    }

    /// Refuses an enlargement that it cannot do.
    ///
    /// # Errors
    ///
    /// The reason, as a sentence without its beginning.
    pub fn check_shape(&self, enlargement: &Enlargement) -> Result<(), String> {
        let Enlargement { input, output, switches } = *enlargement;
        if input.contains(&0) || output.contains(&0) {
            return Err(format!(
                "a map of {input:?} cannot become one of {output:?}: both need at least one position"
            ));
        }
        if let Some(lacking) = self.lacking(switches) {
            return Err(lacking);
        }
        if let Some(needed) = self.channels_in(output[0], switches).filter(|needed| *needed != input[0]) {
            return Err(format!("{needed} channels must enter for {} to leave, not {}", output[0], input[0]));
        }
        (1..3).try_for_each(|axis| self.size_rule().check(input[axis], output[axis]))
    }

    /// Returns why it cannot be paired with `downsample`.
    fn obstacle(&self, downsample: &dyn Downsampling) -> Option<String> {
        if let Some(lacking) = self.lacking(downsample.switches()) {
            return Some(lacking);
        }
        if let Err(reason) = self.check_partner(downsample) {
            return Some(reason);
        }
        let rule = downsample.properties().slot_rule;
        match self.size_rule() {
            SizeRule::Factor(factor) if rule != Some(factor) => Some(format!(
                "it needs an operator that takes every height and width h to ceil(h/{factor}), which this one does not"
            )),
            _ => None,
        }
    }

    /// Returns what it needs and `switches` do not hold.
    fn lacking(&self, switches: SwitchKind) -> Option<String> {
        let needs = self.needs();
        let what = match needs {
            SwitchKind::None => return None,
            SwitchKind::MaxIndices => "the positions of the maxima",
            SwitchKind::Phases => "the phase that each image kept",
            SwitchKind::Details => "the detail bands",
        };
        (switches != needs).then(|| format!("it needs {what}, which are not available"))
    }
}
