//! Convolutions as plain values, of which operators and architectures are made.

use crate::parameter_source::Start;

/// The settings of a convolution; its input channels come from the stage before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvolutionSpec {
    /// Number of output channels.
    pub channels_out: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Steps between output positions, rows and columns.
    pub stride: [usize; 2],
    /// Zeros around the map.
    pub border: Border,
    /// Steps between the taps of the kernel, rows and columns.
    pub dilation: [usize; 2],
    /// Groups of channels that are not mixed; must divide the channels of input and output.
    pub groups: usize,
    /// The initial values of its weights.
    pub initial: InitialWeights,
    /// Whether a bias is added.
    pub bias: Bias,
}

/// Whether a convolution adds a bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bias {
    /// A parameter for each output channel, which starts at zero.
    #[default]
    Added,
    /// None, as before a normalisation, whose shift takes its place.
    None,
}

/// The initial values of the weights of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum InitialWeights {
    /// Those of the net's initialisation.
    #[default]
    Drawn,
    /// This many times those of the net's initialisation.
    Scaled(f32),
    /// Zero: a residual branch with such a last layer adds 0 at the start, and learns from the first step on.
    Zero,
}

impl InitialWeights {
    /// Returns the initial values of the weight as a parameter.
    pub const fn start(self) -> Start {
        match self {
            Self::Drawn => Start::Drawn,
            Self::Scaled(factor) => Start::Scaled(factor),
            Self::Zero => Start::Filled(0.0),
        }
    }
}

/// Positions added around a map, the same for rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Border {
    /// Positions above and to the left.
    pub before: usize,
    /// Positions below and to the right.
    pub after: usize,
}

impl Border {
    /// No border.
    pub const NONE: Self = Self { before: 0, after: 0 };

    /// Returns the border under which a kernel of `kernel` taps maps a height or width `h` to `ceil(h / stride)`.
    pub const fn same(kernel: usize) -> Self {
        Self { before: (kernel - 1) / 2, after: kernel / 2 }
    }

    /// Returns the same border as the kernels take it.
    pub const fn padding(self) -> allconv_kernels::Padding {
        let Self { before, after } = self;
        allconv_kernels::Padding { top: before, bottom: after, left: before, right: after }
    }
}

impl ConvolutionSpec {
    /// Returns a convolution with a square kernel.
    pub const fn square(channels_out: usize, kernel: usize, stride: usize, border: Border) -> Self {
        Self {
            channels_out,
            kernel: [kernel; 2],
            stride: [stride; 2],
            border,
            dilation: [1; 2],
            groups: 1,
            initial: InitialWeights::Drawn,
            bias: Bias::Added,
        }
    }

    /// Returns the number of positions from the first to the last tap, on axis 0 (rows) or 1 (columns).
    pub const fn extent(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// Returns the same convolution with taps `factor` times as far apart and as large a border in proportion.
    #[must_use]
    pub const fn dilated(self, factor: usize) -> Self {
        let Self { border: Border { before, after }, dilation: [rows, columns], .. } = self;
        let border = Border { before: before * factor, after: after * factor };
        Self { border, dilation: [rows * factor, columns * factor], ..self }
    }

    /// Returns the output height (axis 0) or width (axis 1) for that of the input; `None` if the kernel does not fit.
    pub fn size_out(&self, size: usize, axis: usize) -> Option<usize> {
        let padded = size + self.border.before + self.border.after;
        padded.checked_sub(self.extent(axis)).map(|room| room / self.stride[axis] + 1)
    }
}
