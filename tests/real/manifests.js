// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Holds Kubernetes manifests against the published schemas (of the packages kubernetes-models and @kubernetes-models/prometheus-operator),
// and prints them as JSON. Members that the schemas do not know are refused: what a validator never asks for is not known.
// usage: node manifests.js NODE_MODULES FILE...
'use strict';

const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');
const { pathToFileURL } = require('url');

const [modules, ...files] = process.argv.slice(2);
const load = createRequire(path.resolve(modules, 'x.js'));
const yaml = load('yaml');

const kinds = {
	'v1/Namespace': 'kubernetes-models/v1/Namespace',
	'v1/ConfigMap': 'kubernetes-models/v1/ConfigMap',
	'v1/Service': 'kubernetes-models/v1/Service',
	'apps/v1/DaemonSet': 'kubernetes-models/apps/v1/DaemonSet',
	'apps/v1/Deployment': 'kubernetes-models/apps/v1/Deployment',
	'networking.k8s.io/v1/NetworkPolicy': 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy',
	'monitoring.coreos.com/v1/ServiceMonitor':
		'@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor',
};

// The value, and a list of its members that nobody has asked for.
function watched(value, at, unasked) {
	if (value === null || typeof value !== 'object')
		return value;
	const children = {};
	for (const key of Object.keys(value)) {
		children[key] = watched(value[key], at + '/' + key, unasked);
		unasked.add(at + '/' + key);
	}
	return new Proxy(Array.isArray(value) ? Object.values(children) : children, {
		get(target, key) {
			if (typeof key === 'string')
				unasked.delete(at + '/' + key);
			return target[key];
		},
	});
}

async function check(file, object) {
	const kind = object.apiVersion + '/' + object.kind;
	if (kind === 'kustomize.config.k8s.io/v1beta1/Kustomization') {
		for (const name of object.resources)
			if (!fs.existsSync(path.join(path.dirname(file), name)))
				throw new Error(file + ': there is no ' + name);
		return;
	}
	if (!kinds[kind])
		throw new Error(file + ': no schema of ' + kind);
	const module = await import(pathToFileURL(path.resolve(modules, kinds[kind] + '.js')));
	const model = Object.values(module.default || module).concat(Object.values(module)).find(m => m && m.kind === object.kind);
	const unasked = new Set();
	try {
		model.prototype.validate.call(watched(object, '', unasked));
	} catch (error) {
		throw new Error(file + ': ' + kind + ': ' + error.message);
	}
	if (unasked.size)
		throw new Error(file + ': ' + kind + ': not known: ' + [...unasked].join(', '));
}

async function main() {
	const all = [];
	for (const file of files)
		for (const document of yaml.parseAllDocuments(fs.readFileSync(file, 'utf8'), { strict: true })) {
			if (document.errors.length)
				throw document.errors[0];
			all.push(document.toJS());
			await check(file, all[all.length - 1]);
		}
	console.log(JSON.stringify(all));
}

main().catch(error => {
	console.error(error.message);
	process.exit(1);
});
