"""CustomResourceDefinitions of the kinds that the real server does not have, made of what ours tells about them:
its OpenAPI and the columns of its tables. So the two are compared on the same fields.
"""
import json
import ssl
import urllib.request

# One of our two groups: definitions are stores of their own, where ours are two views of one.
GROUPS = {'serving.kubeflow.org': ['v1alpha1', 'v1beta1']}
PATH_PREFIX = 'Custom resource definition column (in JSONPath format): '
TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'


def ask(server, path, accept='application/json'):
    token = server.users['administrator']['token']
    request = urllib.request.Request(server.url + path,
                                     headers={'Authorization': f'Bearer {token}', 'Accept': accept})
    with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=30) as reply:
        return json.load(reply)


def structural(schema, components):
    """A schema of OpenAPI without references, as definitions must have it."""
    schema = dict(schema)
    for part in [{'$ref': schema.pop('$ref')}] if '$ref' in schema else schema.pop('allOf', []):
        schema = {**structural(components[part['$ref'].rsplit('/', 1)[1]], components), **schema}
    if 'oneOf' in schema:  # a quantity, or a number or a text
        schema.pop('oneOf')
        schema.pop('type', None)
        schema['x-kubernetes-int-or-string'] = True
    if schema.get('format') == 'int-or-string':
        schema.pop('format')
    if 'properties' in schema:
        schema['properties'] = {name: structural(field, components) for name, field in schema['properties'].items()}
    for key in ('items', 'additionalProperties'):
        if isinstance(schema.get(key), dict):
            schema[key] = structural(schema[key], components)
    if not set(schema.get('x-kubernetes-list-map-keys', [])) <= set(schema.get('items', {}).get('required', [])):
        # A definition must require the keys of a list; built-in kinds need not.
        schema.pop('x-kubernetes-list-map-keys')
        schema.pop('x-kubernetes-list-type')
    for key in ('x-kubernetes-group-version-kind', 'x-kubernetes-patch-merge-key', 'x-kubernetes-patch-strategy',
                'x-kubernetes-unions', 'uniqueItems', 'default'):
        schema.pop(key, None)
    return schema


def definition(server, group, version, resource, components):
    kind = resource['kind']
    schema = next(schema for schema in components.values()
                  if {'group': group, 'kind': kind, 'version': version}
                  in schema.get('x-kubernetes-group-version-kind', []))
    schema = structural(schema, components)
    schema['properties']['metadata'] = {'type': 'object'}
    table = ask(server, f'/apis/{group}/{version}/{resource["name"]}', TABLE)
    columns = [{'name': column['name'], 'type': column['type'], 'priority': column['priority'],
                'jsonPath': column['description'][len(PATH_PREFIX):]}
               for column in table['columnDefinitions'] if column['description'].startswith(PATH_PREFIX)]
    row = {'name': version, 'served': True, 'storage': True, 'schema': {'openAPIV3Schema': schema},
           'additionalPrinterColumns': columns}
    if kind == 'TrainedModel':
        row['selectableFields'] = [{'jsonPath': '.spec.inferenceService'}]
    if kind in ('TrainedModel', 'InferenceService'):
        row['subresources'] = {'status': {}}
    return {'apiVersion': 'apiextensions.k8s.io/v1', 'kind': 'CustomResourceDefinition',
            'metadata': {'name': f'{resource["name"]}.{group}'},
            'spec': {'group': group, 'scope': 'Namespaced' if resource['namespaced'] else 'Cluster',
                     'names': {'plural': resource['name'], 'singular': resource['singularName'], 'kind': kind,
                               'shortNames': resource.get('shortNames', [])},
                     'versions': [row]}}


def definitions(server):
    rows = []
    for group, versions in GROUPS.items():
        for version in versions:
            components = ask(server, f'/openapi/v3/apis/{group}/{version}')['components']['schemas']
            for resource in ask(server, f'/apis/{group}/{version}')['resources']:
                if '/' not in resource['name']:
                    rows.append(definition(server, group, version, resource, components))
    return rows
