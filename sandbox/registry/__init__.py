"""Stands in for the Kubeflow Model Registry: its REST API on one SQLite file.

The API is served as `v1alpha3`, which all released servers speak, and as `v1`, which the official Python client asks
for (0.3.18 does); the servers of 2026 serve both, and for models they are the same.

Supported, each with GET, POST and PATCH as the official API document has them: registered models, model versions, and
artifacts of the five types (model, doc, dataset, metric, parameter); the nested collections
`registered_models/{id}/versions` and `model_versions/{id}/artifacts`; the singular lookups `registered_model`,
`model_version`, `model_artifact` and `artifact`; paging and ordering; custom properties of all six value types.

Not supported, and answered honestly: experiments, experiment runs, inference services and serving environments (501);
`filterQuery` (400). There is no authentication: a bearer token is accepted and not looked at.
"""
