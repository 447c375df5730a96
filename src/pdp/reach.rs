//! Which resources can be allowed at all, read out of the policies, so that a search need not ask about the others.
//!
//! Cedar evaluates the policies with the resource left open; of what remains, the common shapes are understood here:
//! a named resource, a named ancestor, an attribute that must name the principal, a group of theirs or a text. What is
//! not understood counts as "can be anything". So this may hold too many, never too few, and each is still asked about.

use std::collections::BTreeSet;

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, Var};
use cedar_policy::{
    Context, Decision, Effect, Entities, EntityId, EntityTypeName, EntityUid, EvalResult, PartialEntities,
    PartialEntityUid, PartialRequest, PolicySet, Schema,
};

use super::question::EntityRef;

/// Resources that can be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    Anything,
    /// Those that are one of `within` or in it, however deep, and those among whose attributes is one of `naming`.
    /// None of either: none at all.
    Only {
        within: BTreeSet<EntityRef>,
        /// Texts and ids.
        naming: BTreeSet<String>,
    },
}

impl Reach {
    /// No resource at all.
    pub const NOTHING: Self = Self::Only { within: BTreeSet::new(), naming: BTreeSet::new() };

    /// What is this or in it.
    #[must_use]
    pub fn within(uid: EntityRef) -> Self {
        Self::Only { within: BTreeSet::from([uid]), naming: BTreeSet::new() }
    }

    fn naming(texts: impl IntoIterator<Item = String>) -> Self {
        Self::Only { within: BTreeSet::new(), naming: texts.into_iter().collect() }
    }

    /// Either holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only { mut within, mut naming }, Self::Only { within: more, naming: names }) => {
                within.extend(more);
                naming.extend(names);
                Self::Only { within, naming }
            }
            _ => Self::Anything,
        }
    }

    /// Both hold: one of them is bound enough.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Anything, it) | (it, Self::Anything) => it,
            (it, other) if other == Self::NOTHING => {
                drop(it);
                other
            }
            (it, _) => it,
        }
    }
}

/// What every resource of the search has in common.
struct Common<'a> {
    organization: &'a EntityUid,
    entities: &'a Entities,
}

/// Bounds the resources that these policies can allow.
pub(super) fn reach(
    policies: &PolicySet,
    schema: &Schema,
    principal: &EntityUid,
    action: &EntityUid,
    kind: EntityTypeName,
    context: &Context,
    entities: &Entities,
    organization: &EntityUid,
) -> Reach {
    // What a resource brings with it could put the principal into more, if it completed an entity that is only named
    // here.
    let things = entities.iter().filter(|entity| entity.uid().type_name().basename() != "Action");
    let complete = things.into_iter().all(|entity| {
        let mut above = entities.ancestors(&entity.uid()).into_iter().flatten();
        above.all(|ancestor| entities.get(ancestor).is_some())
    });
    if !complete {
        return Reach::Anything;
    }
    let open = PartialEntityUid::new(kind, None);
    let principal = PartialEntityUid::from_concrete(principal.clone());
    let Ok(request) = PartialRequest::new(principal, action.clone(), open, Some(context.clone()), schema)
    else {
        return Reach::Anything;
    };
    let Ok(partial) = PartialEntities::from_concrete(entities.clone(), schema) else {
        return Reach::Anything;
    };
    let Ok(response) = policies.tpe(&request, &partial, schema) else { return Reach::Anything };
    match response.decision() {
        Some(Decision::Deny) => return Reach::NOTHING,
        Some(Decision::Allow) => return Reach::Anything,
        None => {}
    }
    if response.true_permits().next().is_some() {
        return Reach::Anything;
    }
    let common = Common { organization, entities };
    let mut sum = Reach::NOTHING;
    for policy in response.residual_policies().filter(|policy| policy.effect() == Effect::Permit) {
        let Ok(tree) = policy.to_pst() else { return Reach::Anything };
        let clauses = tree.body().clauses().iter().map(|clause| match clause {
            Clause::When(condition) => common.holds(condition),
            Clause::Unless(_) => Reach::Anything,
        });
        sum = sum.or(clauses.fold(Reach::Anything, Reach::and));
    }
    sum
}

impl Common<'_> {
    /// The resources for which a condition can be true.
    fn holds(&self, condition: &Expr) -> Reach {
        match condition {
            Expr::Literal(Literal::Bool(false)) | Expr::ResidualError => Reach::NOTHING,
            Expr::BinaryOp { op, left, right } => self.compares(*op, left, right),
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                self.holds(cond).and(self.holds(then_expr)).or(self.holds(else_expr))
            }
            Expr::Is { expr, in_expr: Some(group), .. } => self.is_in(expr, group),
            _ => Reach::Anything,
        }
    }

    fn compares(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Reach {
        match op {
            BinaryOp::And => self.holds(left).and(self.holds(right)),
            BinaryOp::Or => self.holds(left).or(self.holds(right)),
            BinaryOp::Eq => match (left, right) {
                (Expr::Var(Var::Resource), other) | (other, Expr::Var(Var::Resource)) => {
                    self.named(other).map_or(Reach::Anything, |uid| Reach::within(reference(&uid)))
                }
                _ => match (self.named(left), self.named(right)) {
                    (Some(left), Some(right)) if left != right => Reach::NOTHING,
                    _ => match (own_attribute(left), own_attribute(right)) {
                        (true, false) => self.text(right).map_or(Reach::Anything, |it| Reach::naming([it])),
                        (false, true) => self.text(left).map_or(Reach::Anything, |it| Reach::naming([it])),
                        _ => Reach::Anything,
                    },
                },
            },
            BinaryOp::In => self.is_in(left, right),
            BinaryOp::Contains if own_attribute(left) => {
                self.text(right).map_or(Reach::Anything, |it| Reach::naming([it]))
            }
            _ => Reach::Anything,
        }
    }

    fn is_in(&self, left: &Expr, right: &Expr) -> Reach {
        if let Expr::Set(groups) = right {
            return groups.iter().fold(Reach::NOTHING, |sum, group| sum.or(self.is_in(left, group)));
        }
        if let (Expr::Var(Var::Resource), Some(group)) = (left, self.named(right)) {
            return Reach::within(reference(&group));
        }
        // Only of an entity that is here all groups are known.
        let Some(member) = self.named(left).filter(|uid| self.entities.get(uid).is_some()) else {
            return Reach::Anything;
        };
        let groups: Vec<&EntityUid> =
            self.entities.ancestors(&member).into_iter().flatten().chain([&member]).collect();
        match self.named(right) {
            Some(group) if groups.contains(&&group) => Reach::Anything,
            Some(_) => Reach::NOTHING,
            None if own_attribute(right) => {
                Reach::naming(groups.into_iter().map(|uid| uid.id().unescaped().to_owned()))
            }
            None => Reach::Anything,
        }
    }

    /// The entity that an expression is, whatever the resource.
    fn named(&self, expr: &Expr) -> Option<EntityUid> {
        match expr {
            Expr::Literal(Literal::EntityUID(uid)) => {
                let kind = uid.ty.to_string().parse().ok()?;
                Some(EntityUid::from_type_name_and_id(kind, EntityId::new(&uid.eid)))
            }
            Expr::GetAttr { expr, attr }
                if attr == "organization" && matches!(**expr, Expr::Var(Var::Resource)) =>
            {
                Some(self.organization.clone())
            }
            Expr::GetAttr { expr, attr } => {
                let entity = self.entities.get(&self.named(expr)?)?;
                match entity.attr(attr)?.ok()? {
                    EvalResult::EntityUid(uid) => Some(uid),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What must be found among the attributes of a resource if one of them is to be this.
    fn text(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Literal(Literal::String(text)) => Some(text.to_string()),
            _ => self.named(expr).map(|uid| uid.id().unescaped().to_owned()),
        }
    }
}

/// Whether this is an attribute of the resource itself, which stands in its row; not one of another thing that it
/// refers to, and not the organization, which does not stand there.
fn own_attribute(expr: &Expr) -> bool {
    matches!(expr, Expr::GetAttr { expr, attr }
        if matches!(**expr, Expr::Var(Var::Resource)) && attr != "organization")
}

fn reference(uid: &EntityUid) -> EntityRef {
    EntityRef::new(uid.type_name().to_string(), uid.id().unescaped())
}
