//! Attributes and methods of an agent anywhere.

use gleis_core::{from_value, to_value};
use serde::{Serialize, de::DeserializeOwned};

use super::Proxy;
use crate::{
    CallError, MethodInfo,
    node::{Told, Want},
};

impl Proxy {
    /// The value of an attribute: a field that the agent exposes, or a free one. It works even after the
    /// agent has stopped.
    ///
    /// # Errors
    /// [`CallError`]: there is none, it is no `T`, or no answer in time.
    pub async fn get_attr<T: DeserializeOwned>(&self, name: &str) -> Result<T, CallError> {
        let want = Want::Attribute { name: name.to_owned() };
        let value = self.told(want, |told| match told {
            Told::Value(value) => Ok(value),
            told => Err(told),
        });
        from_value(value.await?).map_err(|it| CallError::answer::<T>(name, &it))
    }

    /// Sets an attribute: a field that the agent exposes, or a free one.
    ///
    /// # Errors
    /// [`CallError`]: the value does not fit, something else has the name, or no answer in time.
    pub async fn set_attr(&self, name: &str, value: impl Serialize) -> Result<(), CallError> {
        let value = to_value(&value).map_err(|it| CallError::value(name, &it))?;
        self.done(Want::SetAttribute { name: name.to_owned(), value }).await
    }

    /// The names of all attributes: the fields that the agent exposes, and the free ones.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn attrs(&self) -> Result<Vec<String>, CallError> {
        let names = self.told(Want::Attributes, |told| match told {
            Told::Names(names) => Ok(names),
            told => Err(told),
        });
        names.await
    }

    /// Gives the agent one of the [functions](crate::RunAgent::function) that it knows as a method. Code
    /// does not travel: what it does is in its own program.
    ///
    /// # Errors
    /// [`CallError`]: it knows no such function, has such a method by its type, or cannot be reached.
    pub async fn set_method(&self, method: &str, function: &str) -> Result<(), CallError> {
        let (method, function) = (method.to_owned(), function.to_owned());
        self.done(Want::SetMethod { method, function }).await
    }

    /// All methods of the agent, with what they take and what their authors say of them.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn methods(&self) -> Result<Vec<MethodInfo>, CallError> {
        let methods = self.told(Want::Methods, |told| match told {
            Told::Methods(methods) => Ok(methods),
            told => Err(told),
        });
        methods.await
    }
}
