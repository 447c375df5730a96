//! Organizations, their members and invitations.

use crate::domain::{InvitationId, MembershipId, OrganizationId, RoleRef, UserId};
use crate::guard::Resource;

actions! {
    /// Found an organization.
    CreateOrganization {} on |_| Resource::Platform;
    /// List the organizations one belongs to.
    ListOrganizations { user: UserId } on |_| Resource::Platform;
    /// Read an organization.
    GetOrganization { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Change an organization.
    UpdateOrganization { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Close an organization; nothing in it is deleted.
    ArchiveOrganization { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// List the roles an organization can give.
    ListRoles { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// List who belongs to an organization.
    ListMembers { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Make somebody a member without asking them.
    AddMember { organization: OrganizationId, role: RoleRef }
        on |a| Resource::Organization(a.organization), giving |a| (a.organization, a.role);
    /// Give a member another role.
    ChangeMemberRole { organization: OrganizationId, membership: MembershipId, role: RoleRef }
        on |a| Resource::Membership(a.organization, a.membership), giving |a| (a.organization, a.role);
    /// Remove a member, or leave.
    RemoveMember { organization: OrganizationId, membership: MembershipId }
        on |a| Resource::Membership(a.organization, a.membership);
    /// Ask somebody to join, by mail.
    CreateInvitation { organization: OrganizationId, role: RoleRef }
        on |a| Resource::Organization(a.organization), giving |a| (a.organization, a.role);
    /// List the open invitations.
    ListInvitations { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Take an invitation back.
    RevokeInvitation { organization: OrganizationId, invitation: InvitationId }
        on |a| Resource::Invitation(a.organization, a.invitation);
    /// Join, with the token that was sent.
    AcceptInvitation { organization: OrganizationId, invitation: InvitationId }
        on |a| Resource::Invitation(a.organization, a.invitation);
    /// List what happened in an organization.
    ListOrganizationEvents { organization: OrganizationId } on |a| Resource::Organization(a.organization);
}
