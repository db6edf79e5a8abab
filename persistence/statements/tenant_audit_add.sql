-- One line of the audit trail, in the name of the asker's business and principal, if it has any.
-- write
-- system
insert into audit (business_id, principal, action, subject, detail)
values (:business, :principal, :action, coalesce(:subject, ''), :detail)
returning id
