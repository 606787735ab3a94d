-- Argo CD's health of a PDDeployment: goes by its conditions. See docs/argo-cd.md.
local health = {status = "Progressing", message = "pd-operator has not looked at it yet"}
if obj.status == nil or obj.status.conditions == nil then
  return health
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  health.message = "pd-operator has not looked at the last change yet"
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end

-- What a person should look at: it hardly passes by waiting.
local broken = {
  TemplatesValid = {TemplateInvalid = true, PodRefused = true, NoGateImage = true},
  DevicesDiscovered = {
    NodeAnnotationInvalid = true, PodAnnotationInvalid = true, DevicesDisagree = true, DeviceUnknown = true, LinkDown = true,
    DeviceCountWrong = true, DuplicateDevice = true, PodNotAdopted = true, PodsMissing = true,
  },
  RanktableReady = {Rejected = true, TooLarge = true, ProfileUnsupported = true, NameTaken = true, RoleLost = true},
  Progressing = {BackOff = true},
}
for _, kind in ipairs({"TemplatesValid", "DevicesDiscovered", "RanktableReady", "Progressing"}) do
  local condition = conditions[kind]
  -- A link that is down may be no more than a warning, with status True. Progressing is True while it backs off.
  if condition ~= nil and broken[kind][condition.reason] and (condition.status ~= "True" or kind == "Progressing") then
    health.status = "Degraded"
    health.message = condition.message
    return health
  end
end

local ready, published = conditions.Ready, conditions.RanktableReady
if ready ~= nil then
  health.message = ready.message
  if ready.status == "True" then
    health.status = "Healthy"
  elseif obj.spec.paused or (published ~= nil and published.reason == "ScaledToZero") then
    health.status = "Suspended"
  end
end
return health
