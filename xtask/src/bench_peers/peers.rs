//! The programs that allconv is compared with.

use super::sections::Case;

/// A program that runs a twin of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    PyTorch,
    OnnxRuntime,
    OpenVino,
}

impl Peer {
    /// Its name on the page.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::PyTorch => "PyTorch",
            Peer::OnnxRuntime => "ONNX Runtime",
            Peer::OpenVino => "OpenVINO",
        }
    }

    /// Its module in Python.
    pub(crate) fn module(self) -> &'static str {
        match self {
            Peer::PyTorch => "torch",
            Peer::OnnxRuntime => "onnxruntime",
            Peer::OpenVino => "openvino",
        }
    }

    /// The peers of a case. ONNX Runtime has no convolutions in bfloat16 on the CPU, and neither runtime trains.
    pub(crate) fn of(case: &Case) -> &'static [Peer] {
        match (case.pass, case.peer_precision()) {
            ("infer", "f32") => &[Peer::PyTorch, Peer::OnnxRuntime, Peer::OpenVino],
            ("infer", _) => &[Peer::PyTorch, Peer::OpenVino],
            _ => &[Peer::PyTorch],
        }
    }
}
