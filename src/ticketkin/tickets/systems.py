"""Column names of service desks and trackers, as their exports write them."""

from collections.abc import Mapping, Sequence

# field -> column names as a system writes them, normalised, best first.
Aliases = Mapping[str, Sequence[str]]
# ServiceNow's column names and English labels, then its labels in German, French and Spanish.
SERVICENOW: Aliases = {
    "number": ("number", "nummer", "numero"),
    "sys_id": ("sys_id",),
    "opened_at": (
        "opened_at", "opened", "geoffnet", "geoffnet_am", "ouvert", "ouvert_le", "ouverte", "abierto",
        "abierta",
        "sys_created_on", "created", "erstellt", "erstellt_am", "cree", "cree_le", "creado",
        "fecha_de_creacion",
    ),
    "title": (
        "short_description", "kurzbeschreibung", "description_breve", "breve_description",
        "description_courte",
        "descripcion_breve", "breve_descripcion", "descripcion_corta",
    ),
    "description": ("description", "beschreibung", "descripcion"),
    "category": ("category", "kategorie", "categorie", "categoria"),
    "subcategory": ("subcategory", "unterkategorie", "sous_categorie", "subcategoria"),
    "service": (
        "business_service", "service", "business_service_name", "geschaftsservice", "service_metier",
        "servicio", "servicio_de_negocio", "servicio_empresarial",
    ),
    "configuration_item": (
        "cmdb_ci", "configuration_item", "konfigurationselement", "element_de_configuration",
        "elemento_de_configuracion",
    ),
    "assignment_group": (
        "assignment_group", "zuweisungsgruppe", "groupe_d_affectation", "groupe_d_assignation",
        "groupe_d_attribution", "grupo_de_asignacion",
    ),
    "caller": (
        "caller_id", "caller", "anrufer", "anforderer", "appelant", "demandeur", "solicitante",
        "autor_de_la_llamada", "autor_de_llamada",
    ),
    "priority": ("priority", "prioritat", "priorite", "prioridad"),
    "state": ("state", "incident_state", "status", "etat", "statut", "estado"),
    "close_code": (
        "close_code", "resolution_code", "closed_code", "losungscode", "auflosungscode", "abschlusscode",
        "code_de_resolution", "code_de_cloture", "codigo_de_resolucion", "codigo_de_cierre",
    ),
    "close_notes": (
        "close_notes", "resolution_notes", "losungshinweise", "losungsnotizen", "auflosungsnotizen",
        "auflosungshinweise", "abschlussnotizen", "notes_de_resolution", "notes_de_cloture",
        "notas_de_resolucion", "notas_de_cierre",
    ),
    "resolved_at": ("resolved_at", "resolved", "gelost", "gelost_am", "resolu", "resolu_le", "resuelto"),
    "closed_at": ("closed_at", "closed", "geschlossen", "ferme", "ferme_le", "cloture", "cerrado"),
    "updated_at": (
        "sys_updated_on", "sys_updated_at", "updated", "aktualisiert", "aktualisiert_am", "mis_a_jour",
        "mis_a_jour_le", "mise_a_jour", "actualizado",
    ),
    "parent": (
        "parent_incident", "ubergeordneter_incident", "incident_parent", "incidente_principal",
        "incidente_primario", "incidente_padre", "parent", "ubergeordnet", "principal",
    ),
    "problem": ("problem_id", "problem", "probleme", "problema"),
    "caused_by": (
        "caused_by", "caused_by_change", "verursacht_durch", "verursacht_durch_change",
        "verursacht_durch_anderung", "cause_par", "cause_par_le_changement", "causado_por",
        "causado_por_el_cambio",
    ),
    "duplicate_of": (
        "duplicate_of", "u_duplicate_of", "duplikat_von", "doublon_de", "duplicado_de",
    ),
}  # fmt: skip
_BMC: Aliases = {
    "ticket_id": ("incident_number", "incident_id", "incident_id_", "entry_id"),
    "sys_id": ("instanceid", "instance_id"),
    "opened_at": ("submit_date", "reported_date", "reported_date_", "create_date", "created_date"),
    "title": ("summary", "description"),
    "description": ("detailed_decription", "detailed_description", "notes"),
    "category": (
        "categorization_tier_1",
        "operational_categorization_tier_1",
        "incident_type",
        "service_type",
    ),
    "subcategory": ("categorization_tier_2", "operational_categorization_tier_2"),
    "service": ("service", "serviceci", "product_categorization_tier_1"),
    "configuration_item": ("ci", "ci_name", "hpd_ci", "product_name"),
    "assignment_group": ("assigned_group", "assigned_support_group", "support_group_name"),
    "caller": ("customer", "full_name", "customer_full_name", "last_name", "submitter"),
    "priority": ("priority",),
    "state": ("status",),
    "close_code": ("resolution_category", "status_reason", "resolution_method"),
    "close_notes": ("resolution",),
    "resolved_at": ("last_resolved_date", "resolved_date"),
    "closed_at": ("closed_date",),
    "updated_at": ("last_modified_date", "modified_date"),
    "parent": ("original_incident_number", "parent_incident", "parent_incident_id"),
    "duplicate_of": ("duplicate_of", "duplicate_incident"),
}
_JIRA: Aliases = {
    "ticket_id": ("issue_key", "key", "issuekey", "id"),
    "sys_id": ("issue_id",),
    "opened_at": ("created",),
    "title": ("summary", "title"),
    "description": ("description", "text"),
    "category": ("issue_type", "issuetype"),
    "subcategory": ("components", "component_s", "component"),
    "service": ("project_key", "project", "project_name"),
    "caller": ("reporter", "reporter_id"),
    "priority": ("priority",),
    "state": ("status",),
    "close_code": ("resolution",),
    "resolved_at": ("resolved", "resolutiondate"),
    "updated_at": ("updated",),
    "parent": (),
    "duplicate_of": ("duplicate_of",),
}
_BUGZILLA: Aliases = {
    "ticket_id": ("bug_id", "id"),
    "opened_at": ("creation_time", "creation_ts", "opened", "created"),
    "title": ("short_desc", "summary", "title"),
    "description": ("description", "text", "comment_0", "long_desc"),
    "category": ("type", "bug_type"),
    "subcategory": ("component",),
    "service": ("product",),
    "caller": ("reporter", "creator"),
    "priority": ("priority", "bug_severity", "severity"),
    "state": ("bug_status", "status"),
    "close_code": ("resolution",),
    "updated_at": ("last_change_time", "delta_ts", "updated", "changed"),
    "duplicate_of": ("dupe_of", "dup_id"),
}
OTHER: Aliases = {
    "ticket_id": (
        "id",
        "ticket_id",
        "issue_id",
        "case_id",
        "ticket",
        "ticket_number",
        "key",
        "incident_id",
        "incident_number",
    ),
    "number": ("number",),
    "opened_at": ("opened_at", "created_at", "created", "opened", "open_time", "creation_date", "date"),
    "title": ("title", "short_description", "summary", "subject", "headline", "name"),
    "description": ("description", "text", "body", "details", "content", "message"),
    "category": ("category", "topic_group", "ticket_type", "type"),
    "subcategory": ("subcategory", "sub_category", "sub_category1", "component"),
    "service": ("service", "business_service", "product", "application", "system"),
    "configuration_item": ("configuration_item", "ci", "asset"),
    "assignment_group": ("assignment_group", "group", "team", "queue"),
    "caller": ("caller", "requester", "reporter", "customer", "submitter", "requested_by"),
    "priority": ("priority", "severity", "urgency"),
    "state": ("state", "status"),
    "close_code": ("close_code", "resolution"),
    "close_notes": ("close_notes", "solution"),
    "resolved_at": ("resolved_at", "resolved"),
    "closed_at": ("closed_at", "closed"),
    "updated_at": ("updated_at", "updated", "modified", "last_modified"),
    "parent": ("parent",),
    "problem": ("problem_id",),
    "caused_by": ("caused_by",),
    "duplicate_of": ("duplicate_of", "duplicate"),
}
# system -> its aliases and the columns that give it away (all of one set).
SYSTEMS: Sequence[tuple[str, Aliases, Sequence[set[str]]]] = (
    (
        "servicenow",
        SERVICENOW,
        (
            {"number", "short_description"}, {"number", "sys_updated_on"}, {"sys_id"}, {"number", "opened"},
            {"nummer", "kurzbeschreibung"}, {"numero", "description_breve"}, {"numero", "breve_description"},
            {"numero", "description_courte"}, {"numero", "descripcion_breve"},
            {"numero", "breve_descripcion"}, {"numero", "descripcion_corta"},
        ),
    ),
    (
        "bmc",
        _BMC,
        (
            {"incident_id", "submit_date"}, {"incident_number", "submit_date"}, {"detailed_decription"},
            {"incident_id", "summary", "assigned_group"}, {"incident_number", "assigned_group"},
            {"incident_number", "categorization_tier_1"}, {"incident_id", "categorization_tier_1"},
            {"incident_number", "reported_date"}, {"incident_id", "reported_date"},
        ),
    ),
    ("jira", _JIRA, ({"issue_key", "summary"}, {"key", "summary"}, {"issuetype", "created"})),
    ("bugzilla", _BUGZILLA, ({"bug_id"}, {"product", "component"})),
)  # fmt: skip
