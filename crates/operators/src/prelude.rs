//! Types and checks that nearly all files of operators use.

pub(crate) use burn::tensor::Tensor;
pub(crate) use schemars::JsonSchema;
pub(crate) use serde::{Deserialize, Serialize};

pub(crate) use crate::description::{Description, Kind};
pub(crate) use crate::error::{OutOfRange, check_range};
pub(crate) use crate::layer::Parameters;
pub(crate) use crate::lowering::{Graph, LoweredDestination, LoweredSwitches, Value};
pub(crate) use crate::operator::Settings;
pub(crate) use crate::parameter_source::{ParameterSpec, Start};
pub(crate) use crate::pass::Pass;
pub(crate) use crate::settings::{check_size, check_taps, check_window, is_one, is_yes};
pub(crate) use crate::shape::{Window, divided};
pub(crate) use crate::switches::{SwitchKind, Switches};
