//! Networks of equal cost: the width at which one network costs as much as another.

use allconv_random::elementary::powi;

use crate::description::{CostMatch, CostQuantity, NetworkSpec, WIDEST_NETWORK, walk};
use crate::error::DescriptionError;
use crate::rounding::ChannelRounding;

/// The largest difference from the cost that is to be matched, as a fraction of it.
pub const MATCH_TOLERANCE: f64 = 0.01;
/// The largest change of the width, as a factor up or down.
const FURTHEST: f64 = 16.0;
/// Number of phases of the rounding that are tried.
const PHASES: u32 = 16;

/// The cost of a network.
type CostOf<'a> = dyn Fn(&NetworkSpec) -> Result<u64, DescriptionError> + 'a;

impl NetworkSpec {
    /// Returns the same network with the width at which it costs what [`CostMatch`] asks for on an `input` of channels, rows and
    /// columns with `classes` classes; unchanged without one. Where the other network's width gives the very
    /// cost, it is taken.
    ///
    /// # Errors
    ///
    /// A description out of range, a stage that cannot process its map, or no width within 1 % of the cost.
    pub fn matched(mut self, input: [usize; 3], classes: usize) -> Result<Self, DescriptionError> {
        let Some(wanted) = self.match_cost.take() else { return Ok(self) };
        let CostMatch { quantity, net } = *wanted;
        let other = net.matched(input, classes)?;
        let cost = |spec: &Self| -> Result<u64, DescriptionError> {
            let walk = walk(spec, input, classes)?;
            Ok(match quantity {
                CostQuantity::Macs => walk.macs(),
                CostQuantity::Parameters => walk.parameters(),
            })
        };
        let target = cost(&other)?;
        let equally_wide = self.clone().with_width(other.width());
        if cost(&equally_wide)? == target {
            return Ok(equally_wide);
        }
        let Some((reached, spec)) = self.nearest(other.width(), target, &cost)? else {
            return Ok(equally_wide);
        };
        if reached.abs_diff(target) as f64 > MATCH_TOLERANCE * target as f64 {
            let quantity = match quantity {
                CostQuantity::Macs => "MACs",
                CostQuantity::Parameters => "parameters",
            };
            return Err(DescriptionError::NoMatch { quantity, target, nearest: reached });
        }
        spec.with_shortest_width(reached, &cost)
    }

    /// Returns the cost and the description of the network around this width whose cost is nearest to `target`.
    ///
    /// For each phase of the rounding, cost grows with the width in steps: bisection closes in on the step across the target.
    fn nearest(
        &self,
        width: f64,
        target: u64,
        cost: &CostOf<'_>,
    ) -> Result<Option<(u64, Self)>, DescriptionError> {
        let mut nearest: Option<(u64, Self)> = None;
        for phase in 0..PHASES {
            let rounding = ChannelRounding::Spread(f64::from(phase) / f64::from(PHASES));
            let at = |width: f64| Self { rounding, ..self.clone().with_width(width) };
            let (mut below, mut above) = (width / FURTHEST, (width * FURTHEST).min(WIDEST_NETWORK));
            for _ in 0..48 {
                let middle = (below * above).sqrt();
                if cost(&at(middle))? <= target {
                    below = middle;
                } else {
                    above = middle;
                }
            }
            for width in [below, above] {
                let found = cost(&at(width))?;
                if nearest
                    .as_ref()
                    .is_none_or(|(nearest, _)| found.abs_diff(target) < nearest.abs_diff(target))
                {
                    nearest = Some((found, at(width)));
                }
            }
        }
        Ok(nearest)
    }

    /// Returns this network with the width of fewest digits that has the same cost.
    fn with_shortest_width(self, reached: u64, cost: &CostOf<'_>) -> Result<Self, DescriptionError> {
        let width = self.width();
        for digits in 2..=12 {
            let scale = powi(10.0, digits);
            for short in [(width * scale).floor() / scale, (width * scale).ceil() / scale] {
                let short = self.clone().with_width(short);
                if short.width() > 0.0 && cost(&short)? == reached {
                    return Ok(short);
                }
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use allconv_operators::DownsampleConfig;

    use super::*;

    fn model_c(width: f64, operator: DownsampleConfig) -> NetworkSpec {
        let spec = crate::models::named("model_c").unwrap().with_width(width);
        NetworkSpec { downsample: Some(operator), ..spec }
    }

    #[test]
    fn every_operator_can_cost_what_max_pooling_costs_within_one_per_cent() {
        let baseline = model_c(0.25, DownsampleConfig::named("max_pool").unwrap().remove(0));
        let cost = |spec: &NetworkSpec| walk(spec, [3, 32, 32], 10).unwrap();
        for operator in DownsampleConfig::examples() {
            for quantity in [CostQuantity::Macs, CostQuantity::Parameters] {
                let wanted = CostMatch { quantity, net: baseline.clone() };
                let request =
                    NetworkSpec { match_cost: Some(Box::new(wanted)), ..model_c(1.0, operator.clone()) };
                let matched = request.matched([3, 32, 32], 10);
                let Ok(matched) = matched else {
                    // Groups must divide the channels of one layer: not every width does.
                    let grouped = format!("{operator:?}").contains("groups: 3");
                    assert!(grouped, "{operator:?} {quantity:?}: {matched:?}");
                    continue;
                };
                let (ours, theirs) = (cost(&matched), cost(&baseline));
                let ratio = match quantity {
                    CostQuantity::Macs => ours.macs() as f64 / theirs.macs() as f64,
                    CostQuantity::Parameters => ours.parameters() as f64 / theirs.parameters() as f64,
                };
                assert!((ratio - 1.0).abs() <= MATCH_TOLERANCE, "{operator:?} {quantity:?}: {ratio}");
                assert_eq!(matched.match_cost, None);
            }
        }
    }

    #[test]
    fn every_registered_network_can_be_matched_to_itself_with_another_operator() {
        for model in &crate::models::MODELS {
            let baseline = model.spec().with_width(0.5);
            for operator in ["average_pool", "strided_conv", "haar_wavelet"] {
                let operator = DownsampleConfig::named(operator).unwrap().remove(0);
                let wanted = CostMatch { quantity: CostQuantity::Macs, net: baseline.clone() };
                let match_cost = Some(Box::new(wanted));
                let request = NetworkSpec { downsample: Some(operator), match_cost, ..model.spec() };
                if request.clone().stages(model.classes).is_err() {
                    continue;
                }
                let matched = request.matched(model.input, model.classes).unwrap();
                let macs = |spec: &NetworkSpec| walk(spec, model.input, model.classes).unwrap().macs() as f64;
                let ratio = macs(&matched) / macs(&baseline);
                assert!((ratio - 1.0).abs() <= MATCH_TOLERANCE, "{} {matched:?}: {ratio}", model.name);
            }
        }
    }

    #[test]
    fn an_operator_that_costs_the_same_keeps_the_width_and_the_rounding() {
        let operator = |name| DownsampleConfig::named(name).unwrap().remove(0);
        let wanted = CostMatch { quantity: CostQuantity::Macs, net: model_c(0.25, operator("max_pool")) };
        let request =
            NetworkSpec { match_cost: Some(Box::new(wanted)), ..model_c(1.0, operator("average_pool")) };
        let expected = model_c(0.25, operator("average_pool"));
        assert_eq!(request.matched([3, 32, 32], 10).unwrap(), expected);
    }

    #[test]
    fn a_network_may_be_matched_to_one_that_is_matched_itself() {
        let operator = |name| DownsampleConfig::named(name).unwrap().remove(0);
        let first = model_c(0.25, operator("max_pool"));
        let matched_to =
            |net: &NetworkSpec| Some(Box::new(CostMatch { quantity: CostQuantity::Macs, net: net.clone() }));
        let second = NetworkSpec { match_cost: matched_to(&first), ..model_c(1.0, operator("strided_conv")) };
        let third = NetworkSpec { match_cost: matched_to(&second), ..model_c(1.0, operator("conv_pool")) };
        let macs = |spec: NetworkSpec| {
            walk(&spec.matched([3, 32, 32], 10).unwrap(), [3, 32, 32], 10).unwrap().macs() as f64
        };
        let (first, third) = (macs(first), macs(third));
        assert!((third / first - 1.0).abs() <= 2.0 * MATCH_TOLERANCE, "{third} and {first}");
    }

    #[test]
    fn spread_rounding_leaves_whole_numbers_alone_and_is_one_off_at_most() {
        for layer in 0..20 {
            assert_eq!(ChannelRounding::Spread(0.3).whole(24.0, layer), 24);
            let rounded = ChannelRounding::Spread(0.3).whole(24.4, layer);
            assert!((24..=25).contains(&rounded));
        }
        assert_eq!(ChannelRounding::Nearest.whole(24.5, 3), 25);
    }

    #[test]
    fn a_cost_that_no_width_reaches_is_refused_with_the_nearest() {
        let operator = |name| DownsampleConfig::named(name).unwrap().remove(0);
        let tiny = model_c(0.004, operator("max_pool"));
        let wanted = CostMatch { quantity: CostQuantity::Parameters, net: tiny };
        // One channel throughout already has more parameters.
        let request =
            NetworkSpec { match_cost: Some(Box::new(wanted)), ..model_c(1.0, operator("patch_merging")) };
        let error = request.matched([3, 32, 32], 10).unwrap_err().to_string();
        assert!(error.contains("within 1 %"), "{error}");
    }
}
