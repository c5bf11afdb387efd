//! What the generated stub says of a value whose Rust type cannot say it: `Literal`, `tuple[X, ...]`.

use std::marker::PhantomData;

use pyo3::prelude::*;

pub(super) trait Hint {
    #[cfg(feature = "stubs")]
    const HINT: pyo3::inspect::PyStaticExpr;
}

pub(super) struct As<H, V>(V, PhantomData<H>);

impl<H, V> From<V> for As<H, V> {
    fn from(value: V) -> Self {
        As(value, PhantomData)
    }
}

impl<'py, H: Hint, V: IntoPyObject<'py>> IntoPyObject<'py> for As<H, V> {
    type Target = V::Target;
    type Output = V::Output;
    type Error = V::Error;
    #[cfg(feature = "stubs")]
    const OUTPUT_TYPE: pyo3::inspect::PyStaticExpr = H::HINT;

    fn into_pyobject(self, py: Python<'py>) -> Result<V::Output, V::Error> {
        self.0.into_pyobject(py)
    }
}

macro_rules! hint {
    ($($name:ident = $text:literal;)*) => {$(
        pub(super) struct $name;
        impl $crate::python::hint::Hint for $name {
            #[cfg(feature = "stubs")]
            const HINT: pyo3::inspect::PyStaticExpr =
                pyo3::inspect::PyStaticExpr::Constant { value: pyo3::inspect::PyStaticConstant::Str($text) };
        }
    )*};
}
pub(super) use hint;

// Said by several classes.
hint! {
    JsonDict = "dict[str, Any]";
    MaybeDict = "dict[str, Any] | None";
    HeaderDict = "dict[str, str]";
    Targets = "tuple[Target, ...]";
    MaybeStrings = "tuple[str, ...] | None";
}
