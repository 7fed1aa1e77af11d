import { containersOf, type Container, type PodSpec, type Volume } from './manifest';

const ALLOWED_VOLUMES = ['configMap', 'emptyDir', 'secret', 'persistentVolumeClaim', 'projected'];

const breachesOfContainer = ({ name, securityContext, resources }: Container): string[] => [
  ...(securityContext?.allowPrivilegeEscalation === false ? [] : [`${name} may gain privileges`]),
  ...(securityContext?.capabilities?.drop?.includes('ALL') ? [] : [`${name} keeps capabilities`]),
  ...(securityContext?.capabilities?.add ? [`${name} adds capabilities`] : []),
  ...(securityContext?.privileged ? [`${name} is privileged`] : []),
  // Ours, beyond the standard.
  ...(securityContext?.readOnlyRootFilesystem ? [] : [`${name} may write to its image`]),
  ...(resources?.limits?.memory ? [] : [`${name} has no memory limit`]),
];

const breachesOfVolume = (volume: Volume): string[] =>
  Object.keys(volume)
    .filter((property) => property !== 'name' && !ALLOWED_VOLUMES.includes(property))
    .map((type) => `volume ${volume.name} is of type ${type}`);

/**
 * What the restricted Pod Security Standard would refuse, and a few habits of this chart, but for containers of the
 * user, which bring their own security context.
 */
export const securityBreaches = (pod: PodSpec, ofUser: string[] = []): string[] => [
  ...(pod.securityContext?.runAsNonRoot ? [] : ['may run as root']),
  ...(pod.securityContext?.runAsUser === 0 ? ['runs as root'] : []),
  ...(pod.securityContext?.seccompProfile?.type === 'RuntimeDefault' ? [] : ['has no seccomp']),
  ...(pod.hostNetwork || pod.hostPID || pod.hostIPC ? ['shares the host'] : []),
  ...(pod.automountServiceAccountToken === false ? [] : ['gets a service account token']),
  ...(pod.enableServiceLinks === false ? [] : ['gets service links']),
  ...(pod.volumes ?? []).flatMap(breachesOfVolume),
  ...containersOf(pod)
    .filter(({ name }) => !ofUser.includes(name))
    .flatMap(breachesOfContainer),
];
