//! The register of a product's own things.

use serde_json::json;

use super::{App, Error};
use crate::domain::{FieldError, Invalid, NewResource, OrganizationId, RegisteredResource, ResourceRef};
use crate::guard::actions::{DeleteResource, GetResource, ListResources, LoadResources, PutResource};
use crate::guard::{Authorized, FittingResource, Released};
use crate::store::Misplaced;

impl App {
    /// Registers a thing, or replaces what is registered of it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every field that does not fit the schema, and parents or references that are not
    /// registered; [`Error::Conflict`] `changed-meanwhile` if it is not the version that was to be replaced.
    pub async fn put_resource(
        &self,
        ok: Authorized<'_, PutResource>,
        new: NewResource,
    ) -> Result<Released<PutResource, RegisteredResource>, Error> {
        let fitting = self.guard.fit(ok.action().organization, new).map_err(Error::Invalid)?;
        let mut tx = self.store.begin().await?;
        tx.hold_resources(&ok).await?;
        let put = tx.put_resource(&ok, &fitting, self.now()).await?;
        let resource = put.map_err(|misplaced| Error::Invalid(vec![told(&misplaced)]))?;
        let details = json!({ "resource": resource.name.to_string(), "version": resource.version });
        self.note(&mut tx, &ok, details).await?;
        tx.commit().await?;
        Ok(ok.release(resource))
    }

    /// Registers many things in their order, so that a parent comes before what is in it. All or none.
    ///
    /// # Errors
    /// As [`App::put_resource`], each field after `resources.<n>`.
    pub async fn load_resources(
        &self,
        ok: Authorized<'_, LoadResources>,
        new: Vec<NewResource>,
    ) -> Result<Released<LoadResources, usize>, Error> {
        let fitting = self.all_fitting(ok.action().organization, new)?;
        let mut tx = self.store.begin().await?;
        tx.hold_resources(&ok).await?;
        let mut errors = Vec::new();
        for (n, it) in fitting.iter().enumerate() {
            if let Err(misplaced) = tx.put_resource(&ok, it, self.now()).await? {
                errors.push(within(n, told(&misplaced)));
            }
        }
        if !errors.is_empty() {
            return Err(Error::Invalid(errors));
        }
        self.note(&mut tx, &ok, json!({ "count": fitting.len() })).await?;
        tx.commit().await?;
        Ok(ok.release(fitting.len()))
    }

    fn all_fitting(
        &self,
        organization: OrganizationId,
        new: Vec<NewResource>,
    ) -> Result<Vec<FittingResource>, Error> {
        let (mut fitting, mut errors) = (Vec::with_capacity(new.len()), Vec::new());
        for (n, new) in new.into_iter().enumerate() {
            match self.guard.fit(organization, new) {
                Ok(it) => fitting.push(it),
                Err(wrong) => errors.extend(wrong.into_iter().map(|error| within(n, error))),
            }
        }
        if errors.is_empty() { Ok(fitting) } else { Err(Error::Invalid(errors)) }
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_resource(
        &self,
        ok: Authorized<'_, GetResource>,
        name: &ResourceRef,
    ) -> Result<Released<GetResource, RegisteredResource>, Error> {
        let resource = self.store.get_resource(&ok, name).await?;
        Ok(ok.release(resource))
    }

    /// The things of one type after the id `after`, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_resources(
        &self,
        ok: Authorized<'_, ListResources>,
        kind: &str,
        after: &str,
        limit: i64,
    ) -> Result<Released<ListResources, Vec<RegisteredResource>>, Error> {
        let resources = self.store.list_resources(&ok, kind, after, limit).await?;
        Ok(ok.release(resources))
    }

    /// Strikes a thing off.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] `resource-in-use` while others are in it or refer to it, and
    /// `changed-meanwhile` if it is not the version that was meant.
    pub async fn delete_resource(
        &self,
        ok: Authorized<'_, DeleteResource>,
        name: &ResourceRef,
        version: Option<i64>,
    ) -> Result<Released<DeleteResource, ()>, Error> {
        let mut tx = self.store.begin().await?;
        tx.hold_resources(&ok).await?;
        let others = tx.delete_resource(&ok, name, version).await?;
        if others > 0 {
            let detail =
                format!("{others} other things are in this or refer to it: change or delete them first");
            return Err(Error::Conflict { code: "resource-in-use", detail });
        }
        self.note(&mut tx, &ok, json!({ "resource": name.to_string() })).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }
}

fn told(misplaced: &Misplaced) -> FieldError {
    match misplaced {
        Misplaced::NoParent(n) => {
            Invalid::new("not-registered", "no such thing is registered in this organization")
                .at(format!("parents.{n}"))
        }
        Misplaced::NoReference(field) => {
            Invalid::new("not-registered", "no such thing is registered in this organization")
                .at(field.clone())
        }
        Misplaced::Cycle(n) => {
            Invalid::new("cycle", "the thing would be in itself").at(format!("parents.{n}"))
        }
        Misplaced::TooDeep(n) => {
            Invalid::new("too-deep", "things are in one another up to 16 deep").at(format!("parents.{n}"))
        }
    }
}

fn within(n: usize, error: FieldError) -> FieldError {
    let field = format!("resources.{n}.{}", error.field);
    FieldError { field: field.trim_end_matches('.').to_owned(), ..error }
}
