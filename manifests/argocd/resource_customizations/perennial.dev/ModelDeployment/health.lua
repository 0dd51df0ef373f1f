-- Healthy while the stable version answers, whatever a rollout does; Suspended while it waits for a version or a person.
local function find(type)
  if obj.status ~= nil and obj.status.conditions ~= nil then
    for _, condition in ipairs(obj.status.conditions) do
      if condition.type == type then
        return condition
      end
    end
  end
  return nil
end

local function isCurrent(condition)
  return condition.observedGeneration == nil or condition.observedGeneration == obj.metadata.generation
end

local waits = { WaitingForFirstVersion = true, AwaitingApproval = true, Paused = true }
local stalled, ready = find("Stalled"), find("Ready")
local rollout, reconciling = find("Progressing"), find("Reconciling")

if stalled ~= nil and stalled.status == "True" then
  if isCurrent(stalled) then
    return { status = "Degraded", message = stalled.message }
  end
  return { status = "Progressing", message = "Waiting for the operator to look at the new spec" }
end
if ready ~= nil and ready.reason == "NoReadyPod" then
  return { status = "Degraded", message = ready.message }
end
if rollout ~= nil and waits[rollout.reason] then
  return { status = "Suspended", message = rollout.message }
end
if ready ~= nil and ready.status == "True" then
  return { status = "Healthy", message = ready.message }
end
if ready ~= nil and waits[ready.reason] then
  return { status = "Suspended", message = ready.message }
end
if ready ~= nil and reconciling == nil and isCurrent(ready) then
  return { status = "Degraded", message = ready.message }
end
if ready ~= nil then
  return { status = "Progressing", message = ready.message }
end
return { status = "Progressing", message = "Waiting for the operator" }
