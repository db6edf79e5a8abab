-- A row of the audit trail for what changes no other row; once, if the asker has a number for that.
-- write
-- system
with noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail, once)
	select :business, :principal, :asker, :trace, :action, coalesce(:subject, ''), :detail, :once
	 where not exists (select from audit where once = :once)
	returning id
)
select id from noted
union all
select id from audit where once = :once
